"""``pointline verify``: bronze = manifest = silver, beside a running daemon or without one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pointline.errors import PointlineError
from pointline.io.health import PartFiles
from pointline.io.ledger.reader import scan_ledger
from pointline.io.lock import holder_of
from pointline.parse.rules import quarantining
from pointline.phrases import and_more, count, plural, printable
from pointline.services.audit.audited import Parties
from pointline.services.audit.silver.reread import Rereader
from pointline.services.audit.verify import verify
from pointline.services.telling.findings import Checked, Finding, Report
from pointline.settings import values_of
from pointline.tables import ingest_manifest
from pointline_daemon.commands.shared.present import bytes_text, make_console, print_json, print_labelled, print_lines
from pointline_daemon.commands.shared.settings import READING, settings_for
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK
from pointline_daemon.opening.lake import Lake, open_lake

SHOWN = 50
GRACE_SECONDS = 60.0
"""Beside a daemon, a bronze file modified later than this is on its way in; added to the settle and rescan times."""


def verify_lake(lake_root: Path | None, *, data: bool = False, deep: bool, as_json: bool) -> int:
    """Audit a lake; say what does not agree and what mends it. It only reads."""
    config = settings_for(lake_root, needs=("bronze", "checks", "ingest.overlap", *READING))
    lake = open_lake(config)
    lake.require_known_format(shut_ones_too=False)
    try:
        scan_ledger(config.paths.table(ingest_manifest.NAME))
    except PointlineError:
        if not config.paths.silver.is_dir():
            raise
    report = audit(lake, data=data, deep=deep)
    if as_json:
        findings = [finding.as_json() for finding in report.findings]
        print_json({"ok": report.ok, "checked": report.checked.as_json(), "findings": findings})
    else:
        _show(report.checked, deep=deep)
        show_findings(report.findings)
    return EXIT_OK if report.ok else EXIT_FINDINGS


def audit(lake: Lake, *, data: bool = False, deep: bool = False) -> Report:
    """Audit a lake, and show on a terminal how far it is."""
    with _progress() as on_step:
        return verify(_parties(lake), data=data, deep=deep, on_step=on_step)


@contextmanager
def _progress() -> Iterator[Callable[[Checked], None]]:
    """Show on a terminal how much was looked at; nowhere else."""
    if not sys.stderr.isatty():
        yield lambda _checked: None
        return
    with make_console(sys.stderr).status("reading the ledger") as status:

        def show(checked: Checked) -> None:
            compared = f", {plural(checked.contents, 'file')} read again" if checked.contents else ""
            status.update(f"{plural(checked.parts, 'data file')} checked{compared}")

        yield show


def show_findings(findings: Sequence[Finding]) -> None:
    """Print findings, each with what mends it."""
    if not findings:
        print_lines(["", "no problems found"])
        return
    print_lines(["", plural(len(findings), "finding")])
    for finding in findings[:SHOWN]:
        about = ", ".join(filter(None, [finding.table, "" if finding.file_id is None else f"file {finding.file_id}"]))
        facts = finding.as_json()
        print_lines([f"  {finding.kind}{f': {printable(about)}' if about else ''}"])
        if finding.path:
            print_lines([f"      where {printable(finding.path)}"])
        print_labelled("      what  ", finding.what)
        print_labelled("      try   ", str(facts["try"]))
    if len(findings) > SHOWN:
        print_lines([f"  {and_more(len(findings) - SHOWN)}"])


def _parties(lake: Lake) -> Parties:
    config = lake.config
    escalated = quarantining(values_of(config.checks))
    patience = GRACE_SECONDS + config.ingest.settle_seconds + config.ingest.rescan_seconds
    return Parties(
        ledger=lake.manifest.repository,
        tables=lake.events,
        quarantine=lake.quarantine,
        symbols=lake.symbols,
        observed=lake.symbol_service(),
        parts=PartFiles(config.paths.silver, config.paths.state),
        bronze=lake.source,
        reader=lake.reader,
        rereaders={
            name: Rereader(table, lake.reader, escalated, config.bronze.groups, lake.source.feeds)
            for name, table in lake.tables.items()
        },
        has_writer=lambda: holder_of(config.paths.lock_file) is not None,
        settled_before_us=lambda: int((time.time() - patience) * 1_000_000),
        groups=None if config.ingest.overlap == "allow" else config.bronze.groups,
    )


def _show(checked: Checked, *, deep: bool) -> None:
    flight = f", {count(checked.in_flight)} of them pending and left out" if checked.in_flight else ""
    gone = f", {plural(checked.bronze_gone, 'file')} no longer there (rows are kept)" if checked.bronze_gone else ""
    waiting = f", {count(checked.bronze_waiting)} not ingested yet" if checked.bronze_waiting else ""
    waiting += f", {count(checked.bronze_changing)} just changed and not read yet" if checked.bronze_changing else ""
    unread = f", {count(checked.bronze_unrecognised)} not recognised" if checked.bronze_unrecognised else ""
    aside = plural(checked.quarantined_rows, "row")
    lines = [
        f"ledger     {plural(checked.files, 'file')}{flight}",
        f"silver     {plural(checked.rows, 'row')} in {plural(checked.parts, 'data file')}; {aside} in quarantine",
        f"bronze     {plural(checked.bronze_files, 'file')}{gone}{waiting}{unread}"
        if not checked.bronze_unread
        else "bronze     cannot be listed, and was not compared",
    ]
    if checked.parts_unread:
        files = plural(checked.parts_unread, "data file")
        size = bytes_text(checked.bytes_unread)
        lines += [f"data       {files}, {size}, were not read:", "           `pointline verify --data` reads them"]
    if checked.parts_without_checksum:
        files = plural(checked.parts_without_checksum, "data file")
        verb = "carries" if checked.parts_without_checksum == 1 else "carry"
        lines.append(f"data       {files} {verb} no checksum, and could only be decoded")
    if deep:
        lines.append(f"content    {plural(checked.contents, 'file')} read again and compared")
    print_lines(lines)

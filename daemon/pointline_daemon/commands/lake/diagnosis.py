"""What ``pointline repair`` has found, and what is shown of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from pointline.phrases import DESCRIBE_AGAIN, UNDESCRIBED, and_more, plural, printable
from pointline.services.audit.healing import Healing
from pointline.services.audit.reconcile import describe
from pointline.services.telling.findings import Finding
from pointline.tables import dim_symbol, ingest_manifest, quarantine
from pointline.tables.ingest_manifest import Status
from pointline.tables.symbols import observations as symbol_observations
from pointline_daemon.commands.shared.present import print_json, print_lines
from pointline_daemon.opening.left_behind import Forgotten

SHOWN = 20
_BRONZE = "bronze, and from its data files where bronze lacks a file"
_SOURCES = {
    ingest_manifest.NAME: "its data files, and from what the logs of the other tables tell",
    **dict.fromkeys((quarantine.NAME, symbol_observations.NAME, symbol_observations.STATES_NAME), "bronze"),
    dim_symbol.NAME: "what was observed of symbols",
}
"""What tables are made from again; all others are event tables."""


class Diagnosis(Struct, frozen=True, kw_only=True):
    """What is wrong. ``unreadable`` are tables that cannot be read, and why; ``missing`` are not there at all.

    ``mended`` says what a start does by itself.
    """

    unreadable: Mapping[str, str] = field(default_factory=dict)
    missing: Sequence[str] = ()
    mended: Sequence[str] = ()
    read_again: Mapping[int, str] = field(default_factory=dict)
    """Files that differ from bronze, and how."""
    waiting: int = 0
    """How many files of bronze an ingest takes."""
    history: Mapping[int, str] = field(default_factory=dict)
    """Files that are replaced, withdrawn or gone, and what is wrong with their entries."""
    stays: Mapping[int, str] = field(default_factory=dict)
    """Those of which rows would be lost by reading them again, and how."""
    plan: Healing = field(default_factory=lambda: Healing(tables={}))
    forgotten: Sequence[Forgotten] = ()
    """Rows of files that nothing tells of any more."""
    undescribed: Sequence[str] = ()
    """Tables with files that no description has any more: nothing can be done about them here."""
    unmended: Sequence[Finding] = ()
    """What an audit finds besides, and repair does not mend."""

    @property
    def is_sound(self) -> bool:
        """There is nothing to do."""
        found = (self.unreadable, self.missing, self.mended, self.read_again, self.history, self.waiting)
        return not any(found) and self.plan.is_empty

    def sentences(self) -> list[str]:
        """What is wrong and what is done about it."""
        found = [
            f"{name} is not as it was written ({why}): it is moved away, and made again from "
            f"{_SOURCES.get(name, _BRONZE)}"
            for name, why in self.unreadable.items()
        ]
        found += [f"{name} is missing: it is made again" for name in self.missing]
        found += [*self.mended, *describe(self.plan.tables)]
        if self.plan.quarantine_extra:
            files = plural(len(self.plan.quarantine_extra), "file")
            found.append(f"quarantine: rows of {files} must not be there: they are removed")
        if self.plan.reread:
            found.append(f"{plural(len(self.plan.reread), 'file')} to be read again from bronze, under the same ids")
        found += [f"file {file_id} is read again: {why}" for file_id, why in self.read_again.items()]
        found += [f"file {file_id} is history: {why}: its entry is put right" for file_id, why in self.history.items()]
        found += [f"{plural(self.waiting, 'file')} in bronze to be read by an ingest"] if self.waiting else []
        found += [f"file {file_id} stays as it is: {why}" for file_id, why in {**self.plan.stays, **self.stays}.items()]
        found += [f"{name} has files, and {UNDESCRIBED}: {DESCRIBE_AGAIN}" for name in self.undescribed]
        found += [_what_is_forgotten(one) for one in self.forgotten]
        return found


def _what_is_forgotten(one: Forgotten) -> str:
    files, rows, where = plural(one.files, "file"), plural(one.rows, "row"), printable(str(one.kept_at))
    lost = f"{one.table}: neither the ledger nor the log of the table tells any more which {files} had {rows} in"
    again = "what bronze has of them is read again under new ids"
    if one.is_moved:
        return f"{lost} {where}; {again}; once you do not need the rest, remove that folder"
    return (
        f"{lost} data files below {where} that no version of the table names (`pointline doctor` names them); {again}; "
        "maintenance leaves them there; remove them yourself once you do not need the rest"
    )


def _lost(file_id: int, path: str, plan: Healing) -> str:
    left = plan.left.get(file_id)
    if left is None or left.status == Status.GONE:
        return f"file {file_id} is lost: bronze no longer has this version of {printable(path)}"
    stays = f"{plural(left.rows_written or 0, 'row')} of it stay"
    return (
        f"file {file_id}: {plan.reasons[file_id]}, and bronze no longer has this version of {printable(path)}; {stays}"
    )


def show(found: Diagnosis, *, as_json: bool, done: dict[str, Any], findings: Sequence[Finding] = ()) -> None:
    if as_json:
        facts = {"found": found.sentences(), "read_again": list(found.plan.reread.values()), **done}
        print_json(facts)
        return
    if not (told := found.sentences()) and not found.plan.lost:
        print_lines([f"{'nothing to mend' if findings else 'no problems found'}: ledger and tables agree"])
    else:
        print_lines(told)
    for file_id, path in list(found.plan.lost.items())[:SHOWN]:
        print_lines([_lost(file_id, path, found.plan)])
    if len(found.plan.lost) > SHOWN:
        print_lines([and_more(len(found.plan.lost) - SHOWN)])
    print_lines([""])
    if findings:
        has = "has" if done["dry_run"] else "still has"
        print_lines(
            [f"verify --deep {has} {plural(len(findings), 'finding')}: `pointline verify --deep` shows what to do"]
        )
    elif not done["dry_run"]:
        print_lines(["verify --deep: no problems found"])
    if done["dry_run"]:
        print_lines(["nothing was changed" + ("" if found.is_sound else "; `pointline repair` does this")])

"""The files of the tables: what is wrong with any, and which of them can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pointline.io.protocols.tables import Part
from pointline.services.audit.look import UNREADABLE, Look, first_line
from pointline.services.telling.findings import Finding
from pointline.tables import dim_symbol, ingest_manifest, quarantine
from pointline.tables.symbols import observations as symbol_observations

T = TypeVar("T")
SHUT = "part_shut"
"""The fault of a data file that may not be read."""


def audit_files(look: Look) -> None:
    """Note what can be told without a table being opened, and look at the ledger before it is believed."""
    to = look.parties
    for path, target in to.parts.links():
        what = f"a symbolic link to {target}: nothing is written or removed through it"
        look.findings.append(Finding(kind="symbolic_link", table="", path=path, what=what))
    small = (ingest_manifest.NAME, quarantine.NAME, dim_symbol.NAME)
    for name in (*small, symbol_observations.NAME, symbol_observations.STATES_NAME, *to.tables):
        for path, what in to.parts.wrong_kinds(name):
            look.findings.append(Finding(kind="wrong_kind", table=name, path=path, what=what))
    for name in (*small, *to.tables):
        for entry, reason in _log_faults(look, name):
            path, what = f"silver/{name}/_delta_log/{entry}", f"this file of the log is {reason}"
            look.findings.append(Finding(kind="commit_altered", table=name, path=path, what=what))
    audit_small_table(look, ingest_manifest.NAME, to.ledger.live_parts)


def _log_faults(look: Look, table: str) -> list[tuple[str, str]]:
    try:
        return list(look.parties.parts.log_faults(table))
    except PermissionError:
        return []  # said by whoever needs its rows


def audit_small_table(look: Look, name: str, live_parts: Callable[[], list[Part]]) -> None:
    """Read the data files of a small table whole."""
    try:
        parts = live_parts()
    except UNREADABLE:
        return  # said by whoever needs its rows
    for _ in sound_parts(look, name, parts, whole=True):
        pass


def sound_parts(look: Look, name: str, parts: Sequence[Part], *, whole: bool = False) -> Iterator[Part]:
    """Yield the parts whose rows can be counted, and note what is wrong with any."""
    checked, files = look.checked, look.parties.parts
    for part in parts:
        checked.parts += 1
        look.on_step(checked)
        fault = files.fault_of(name, part)
        if whole or look.data:
            checked.parts_without_checksum += not files.has_checksum(part)
            if fault is None or fault[0] == "part_replaced":
                fault = files.content_fault_of(name, part) or fault
        else:
            checked.parts_unread += 1
            checked.bytes_unread += part.size_bytes
        if fault is not None:
            path = f"silver/{name}/{part.path}"
            look.findings.append(Finding(kind=fault[0], table=name, path=path, what=fault[1]))
        if fault is not None and fault[0] == SHUT:
            look.shut.append((name, part))
        if fault is None or fault[0] in {"part_replaced", "part_damaged"}:
            yield part


def read_parts(look: Look, name: str, parts: list[Part], read: Callable[[Sequence[Part]], T]) -> T:
    """Return what ``read`` makes of these parts; those that cannot be read are named and left out of ``parts``."""
    try:
        return read(parts)
    except UNREADABLE:
        sound = []
        for part in parts:  # which of them is it?
            try:
                read([part])
            except UNREADABLE as error:
                _note_unreadable(look, name, part, error)
            else:
                sound.append(part)
        parts[:] = sound
        return read(sound)


def _note_unreadable(look: Look, name: str, part: Part, error: Exception) -> None:
    path = f"silver/{name}/{part.path}"
    if path not in {finding.path for finding in look.findings}:
        what = f"its rows cannot be read: {first_line(error)}"
        look.findings.append(Finding(kind="part_unreadable", table=name, path=path, what=what))

"""Who owns the files of a lake, and whether its owner may read and write them. Nothing here changes anything."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

FOLDER, FILE = 0o7, 0o4
"""What the owner needs of a folder and of a file that pointline wrote: files are replaced, not written over."""
READ_FOLDER, READ_FILE = 0o5, 0o4


class Off(Struct, frozen=True, kw_only=True):
    """Some entries of one place that are not as they have to be; ``example`` is one of them."""

    kind: str
    """``owner``: they are somebody else's. ``mode``: the lake's owner may not write or read what is its own.
    ``bronze``: the lake's owner may not read them."""
    place: Path
    entries: int
    example: Path


def name_of_user(user: int) -> str:
    """Return the user's name, or the number of one that has none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


class Reader:
    """A user as the kernel sees it: number and groups."""

    def __init__(self, user: int, group: int) -> None:
        self.user = user
        try:
            account = pwd.getpwuid(user)
        except KeyError:
            self._groups = {group}
        else:
            self._groups = set(os.getgrouplist(account.pw_name, account.pw_gid))

    def may(self, status: os.stat_result, need: int) -> bool:
        """Tell whether the mode alone permits it. Lists of access beyond the mode are not looked at."""
        if self.user == 0:
            return True
        shift = 6 if status.st_uid == self.user else 3 if status.st_gid in self._groups else 0
        return (status.st_mode >> shift) & need == need


def ownership_faults(root: Path, bronze: Path, written: list[Path]) -> list[Off]:
    """Look at what pointline wrote and at bronze, with the eyes of the lake's owner."""
    status = root.stat()
    reader = Reader(status.st_uid, status.st_gid)
    found: list[Off] = []
    for place in written:
        strange, shut = [], []
        for path, entry in _walk(place):
            need = FOLDER if stat.S_ISDIR(entry.st_mode) else FILE
            if entry.st_uid != reader.user:
                strange.append(path)
            elif not reader.may(entry, need):
                shut.append(path)
        found += _off("owner", place, strange) + _off("mode", place, shut)
    unreadable = [path for path, entry in _walk(bronze) if not _is_readable(reader, entry)]
    return found + _off("bronze", bronze, unreadable)


def _is_readable(reader: Reader, entry: os.stat_result) -> bool:
    if stat.S_ISDIR(entry.st_mode):
        return reader.may(entry, READ_FOLDER)
    return not stat.S_ISREG(entry.st_mode) or reader.may(entry, READ_FILE)


def _off(kind: str, place: Path, entries: list[Path]) -> list[Off]:
    return [Off(kind=kind, place=place, entries=len(entries), example=min(entries))] if entries else []


def _walk(top: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield a folder and all below it, as far as it can be looked at, without following links."""
    try:
        yield top, top.stat()
    except OSError:
        return
    todo = [str(top)]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    yield Path(entry.path), status
                    if stat.S_ISDIR(status.st_mode):
                        todo.append(entry.path)
        except OSError:
            continue  # it was yielded, and its mode says why

"""What people do to the files in bronze: each act picks its files by numbers, so that a script can be cut anywhere.

An act that finds nothing to do does nothing. Each says what it did, as a line that a person could repeat.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.support.people_contents import (
    DAYS,
    GROUP,
    SYMBOLS,
    TABLES,
    Claim,
    claim_of,
    client,
    digest,
    hive,
    make_content,
    read,
)
from tests.support.people_judge import Deeds

Act = tuple[str, int, int, int]
"""Name and three numbers that choose among files, places and ways."""

PARTS = ((1.0, 2.0), (2.0, 3.0), (1.5, 2.5), (2.5, 4.0))
"""Hours: the first two share the instant at their seam, the third overlaps both."""


def places() -> list[str]:
    """Where files may lie: folders of a hive, a download folder, and the copy that a browser makes."""
    found = []
    for day in DAYS:
        for symbol in SYMBOLS:
            for table in TABLES:
                often = 2 if (day, symbol, table) == (DAYS[0], SYMBOLS[0], TABLES[0]) else 1
                some = [hive(table, symbol, day, 1), hive(table, symbol, day, 2), client(table, symbol, day)]
                found += some * often if table == TABLES[0] else some[:2]
    found += [
        client(TABLES[0], f"{SYMBOLS[0]} (1)", DAYS[0]),
        client(TABLES[0], f"{SYMBOLS[0]} copy", DAYS[0], "down2"),
    ]
    return [*found, client(TABLES[0], GROUP, DAYS[0]), hive(TABLES[0], GROUP, DAYS[0], 1)]


PLACES = places()


class Bronze:
    """The folder, and what people remember of it."""

    def __init__(self, folder: Path, deeds: Deeds, command: Callable[..., int]) -> None:
        self.folder = folder
        self.deeds = deeds
        self.command = command
        self.issues = 0
        self.past: list[tuple[str, bytes, int]] = []
        self.halves: list[tuple[str, bytes]] = []

    # ---- choosing

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.csv.gz"))

    def pick(self, number: int) -> str | None:
        files = self.files()
        return files[number % len(files)] if files else None

    def fresh(self, claim: Claim, number: int) -> bytes:
        """A content nobody wrote before, for the claim."""
        self.issues += 1
        first, last = PARTS[number % 7 if number % 7 < len(PARTS) else number % 2]
        is_group = claim.symbol == GROUP
        symbols = SYMBOLS if is_group else (claim.symbol.partition(" ")[0],)
        stray = SYMBOLS[1] if number % 11 == 0 and not is_group else ""
        rows = (6, 8, 8, 8, 12, 30)[number % 6]
        return make_content(
            claim.table, symbols, claim.day, first=first, last=last, rows=rows, issue=self.issues, stray=stray
        )

    def reissued(self, path: str) -> bytes:
        """A content of the size and times of what lies there, with other values; without any, a new one."""
        data = (self.folder / path).read_bytes()
        claim = claim_of(path)
        rows = read(data).rows
        if not rows:
            return self.fresh(claim, self.issues)
        self.issues += 1
        first, last = ((row.local_us % 86_400_000_000) / 3_600_000_000 for row in (rows[0], rows[-1]))
        symbols = tuple(dict.fromkeys(row.symbol for row in rows))
        day = DAYS[0] if rows[0].local_us < 1_714_608_000_000_000 else DAYS[1]
        table = "trades" if len(rows[0].rest[0]) > 3 else "quotes"
        return make_content(table, symbols, day, first=first, last=last, rows=len(rows), issue=self.issues)

    def is_linked(self, path: str, target: str) -> bool:
        """The two are one file, which cannot be copied onto itself."""
        return (self.folder / target).exists() and (self.folder / target).samefile(self.folder / path)

    # ---- writing

    def remember(self, path: str) -> None:
        file = self.folder / path
        if file.exists():
            self.past.append((path, file.read_bytes(), file.stat().st_mtime_ns))

    def put(self, path: str, data: bytes, *, in_place: bool) -> None:
        self.remember(path)
        self.deeds.contents[digest(data)] = data
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if in_place:
            file.write_bytes(data)
        else:
            staged = file.with_name(f".{file.name}.tmp")
            staged.write_bytes(data)
            staged.replace(file)

    def move(self, source: str, target: str) -> None:
        self.remember(target)
        (self.folder / target).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / source).replace(self.folder / target)

    # ---- acts

    def do(self, act: Act) -> str:
        """Do it; what was done, in words, or nothing."""
        name, *numbers = act
        done: str = getattr(self, f"act_{name}")(*numbers)
        return done

    def act_new(self, x: int, y: int, z: int) -> str:
        path = PLACES[x % len(PLACES)]
        data = self.fresh(claim_of(path), y)
        self.put(path, data, in_place=z % 2 == 0)
        return f"write {path} [{digest(data)[:6]}] {'in place' if z % 2 == 0 else 'and rename it there'}"

    def act_overwrite(self, x: int, y: int, z: int) -> str:
        if (path := self.pick(x)) is None:
            return ""
        data = self.reissued(path) if y % 4 else self.fresh(claim_of(path), y)
        times = (self.folder / path).stat()
        self.put(path, data, in_place=z % 3 != 0)
        if z % 3 == 2:
            os.utime(self.folder / path, ns=(times.st_atime_ns, times.st_mtime_ns))
        way = ("by a rename", "in place", "in place, mtime put back")[z % 3]
        return f"overwrite {path} [{digest(data)[:6]}] {way}"

    def act_copy(self, x: int, y: int, z: int) -> str:
        path, target = self.pick(x), PLACES[y % len(PLACES)]
        if path is None or path == target or self.is_linked(path, target):
            return ""
        self.remember(target)
        (self.folder / target).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copy2 if z % 2 else shutil.copyfile)(self.folder / path, self.folder / target)
        return f"cp{' -p' * (z % 2)} {path} {target}"

    def act_rename(self, x: int, y: int, z: int) -> str:
        path, target = self.pick(x), PLACES[y % len(PLACES)]
        if path is None or path == target:
            return ""
        if z % 2:  # within the claim, where there is another place for it
            claim = claim_of(path)
            same = [place for place in PLACES if claim_of(place) == claim and place != path]
            target = same[y % len(same)] if same else target
        self.move(path, target)
        return f"mv {path} {target}"

    def act_rotate(self, x: int, y: int, z: int) -> str:
        """``mv A B`` and a new A."""
        path = self.pick(x)
        moved = self.act_rename(x, y, 1)
        if path is None or not moved:
            return ""
        data = self.fresh(claim_of(path), z)
        self.put(path, data, in_place=z % 2 == 0)
        return f"{moved}, write {path} [{digest(data)[:6]}]"

    def act_swap(self, x: int, y: int, z: int) -> str:
        return self._ring(sorted({self.pick(x), self.pick(y)} - {None}))

    def act_ring(self, x: int, y: int, z: int) -> str:
        return self._ring(sorted({self.pick(x), self.pick(y), self.pick(z)} - {None}))

    def _ring(self, files: list[str]) -> str:
        if len(files) < 2:
            return ""
        held = self.folder / ".held.tmp"
        (self.folder / files[0]).rename(held)
        for free, source in itertools.pairwise(files):
            (self.folder / source).rename(self.folder / free)
        held.rename(self.folder / files[-1])
        return f"ring {' <- '.join(files)}"

    def act_restore(self, x: int, y: int, z: int) -> str:
        if not self.past:
            return ""
        path, data, mtime = self.past[x % len(self.past)]
        self.put(path, data, in_place=z % 2 == 0)
        if y % 4:
            os.utime(self.folder / path, ns=(mtime, mtime))
        return f"restore {path} [{digest(data)[:6]}]{' with its mtime' if y % 4 else ''}"

    def act_touch(self, x: int, y: int, z: int) -> str:
        if (path := self.pick(x)) is None:
            return ""
        if z % 3:
            os.utime(self.folder / path)
        else:
            (self.folder / path).chmod(0o600 if y % 2 else 0o644)
        return f"{'touch' if z % 3 else 'chmod'} {path}"

    def act_link(self, x: int, y: int, z: int) -> str:
        path, target = self.pick(x), PLACES[y % len(PLACES)]
        if path is None or (self.folder / target).exists():
            return ""
        (self.folder / target).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / target).hardlink_to(self.folder / path)
        return f"ln {path} {target}"

    def act_truncate(self, x: int, y: int, z: int) -> str:
        if (path := self.pick(x)) is None:
            return ""
        data = (self.folder / path).read_bytes()
        if not data:
            return ""
        left = data[: 0 if y % 4 == 0 else len(data) * (1 + y % 3) // 4]
        self.put(path, left, in_place=True)
        self.halves.append((path, data))
        return f"truncate {path} to {len(left)} of {len(data)} bytes"

    def act_complete(self, x: int, y: int, z: int) -> str:
        if not self.halves:
            return ""
        path, data = self.halves.pop(x % len(self.halves))
        self.put(path, data, in_place=y % 2 == 0)
        return f"complete {path} [{digest(data)[:6]}]"

    def act_shrink(self, x: int, y: int, z: int) -> str:
        """A re-issue with few rows, or none."""
        if (path := self.pick(x)) is None:
            return ""
        claim = claim_of(path)
        self.issues += 1
        symbols = (claim.symbol.partition(" ")[0],) if claim.symbol != GROUP else SYMBOLS
        rows = (0, 2, 3)[y % 3]
        data = make_content(claim.table, symbols, claim.day, rows=rows, issue=self.issues)
        self.put(path, data, in_place=z % 2 == 0)
        return f"overwrite {path} [{digest(data)[:6]}] with {rows} rows"

    def act_delete(self, x: int, y: int, z: int) -> str:
        if (path := self.pick(x)) is None:
            return ""
        self.remember(path)
        (self.folder / path).unlink()
        return f"rm {path}"

    def act_withdraw(self, x: int, y: int, z: int) -> str:
        if (path := self.pick(x)) is None:
            return ""
        content = digest((self.folder / path).read_bytes())
        code = self.command("withdraw", path)
        return f"pointline withdraw {path} [{content[:6]}] (exit {code})"

    def act_retry(self, x: int, y: int, z: int) -> str:
        if (path := self.pick(x)) is None:
            return ""
        accept = ["--accept"] if z % 3 == 0 else []
        if accept:
            self.deeds.accepted.add(digest((self.folder / path).read_bytes()))
        code = self.command("retry", path, *accept)
        return f"pointline retry {path}{' --accept' if accept else ''} (exit {code})"


WEIGHTS = {
    "new": 8,
    "overwrite": 6,
    "copy": 5,
    "rename": 5,
    "rotate": 4,
    "swap": 2,
    "ring": 2,
    "restore": 4,
    "touch": 2,
    "link": 2,
    "truncate": 3,
    "complete": 3,
    "shrink": 2,
    "delete": 4,
    "withdraw": 2,
    "retry": 2,
}

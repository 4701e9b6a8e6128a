"""Files dropped into the bronze of a running daemon, and when a reader that opens the table anew finds each."""

from __future__ import annotations

import datetime as dt
import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tests.bench.inputs import Input
from tests.bench.lake import BenchLake
from tests.bench.process import BenchmarkFailed

POLL_SECONDS = 0.002
LONGEST_SECONDS = 60.0
STAGES = ("waited", "parse", "write")
COLUMNS = ("exchange", "date", "symbol")
Key = tuple[str, dt.date, str]
"""Exchange, day and symbol: what a file of the input is known by in silver."""


@dataclass(slots=True, kw_only=True)
class Drops:
    """The files of an input, each dropped once, in an order of no meaning. Waits for the daemon to make its tables."""

    lake: BenchLake
    source: Input
    seen_ms: list[float] = field(default_factory=list)
    reader_ms: list[float] = field(default_factory=list)
    """What of it the reader took to open the table and read."""
    _staged: list[tuple[Path, Path]] = field(default_factory=list)
    _pending: dict[Key, float] = field(default_factory=dict)
    _version: int = 0

    def stage(self, *, outside: bool = False) -> None:
        """Put every file into bronze under the name of a download that is not finished, which nobody takes.

        Or outside of bronze, on the same file system: the kernel reports such a rename as a file that appeared.
        """
        above = self.lake.root / "staged" if outside else self.lake.bronze
        for path in self.source.files():
            below = path.relative_to(self.source.folder)
            final = self.lake.bronze / below
            staged = above / below.with_name(f"{below.name}.unconfirmed")
            for folder in (final.parent, staged.parent):
                folder.mkdir(parents=True, exist_ok=True)
            staged.write_bytes(path.read_bytes())
            self._staged.append((staged, final))
        random.Random(1).shuffle(self._staged)

    @property
    def left(self) -> int:
        return len(self._staged)

    @property
    def unseen(self) -> int:
        return len(self._pending)

    def drop(self) -> None:
        """Rename the next file into place, as the vendor's client does."""
        staged, final = self._staged.pop()
        self._pending[self._key(final)] = time.perf_counter()
        staged.rename(final)

    def poll(self) -> None:
        """Wait a little; where a commit has come since, look for what was dropped.

        To ask for the next log entry costs microseconds, and leaves the processors to the daemon.
        """
        time.sleep(POLL_SECONDS)
        before = self._version
        while self._log_entry(self._version + 1).exists():
            self._version += 1
        if self._version > before:
            self._look()
        if any(time.perf_counter() - dropped > LONGEST_SECONDS for dropped in self._pending.values()):
            raise BenchmarkFailed(f"{self.unseen} files are not visible after {LONGEST_SECONDS:.0f} s")

    def _look(self) -> None:
        if not self._pending:
            return
        wanted = pl.any_horizontal(_is(key) for key in self._pending)
        begun = time.perf_counter()
        found = pl.scan_delta(str(self._table)).filter(wanted).group_by(COLUMNS).len().collect()
        now = time.perf_counter()
        for exchange, date, symbol, rows in found.iter_rows():
            if rows == self.source.sums.rows // self.source.sums.files:
                dropped = self._pending.pop((exchange, date, symbol))
                self.seen_ms.append((now - dropped) * 1000)
                self.reader_ms.append((now - begun) * 1000)

    def _key(self, path: Path) -> Key:
        """Both layouts of bronze: a folder per day, and everything in the name."""
        *folders, name = path.relative_to(self.lake.bronze).parts
        name = name.removesuffix(".csv.gz")
        if folders:
            exchange, _, *day = folders
            return exchange, dt.date(*map(int, day)), name
        exchange, _, rest = name.partition(f"_{self.source.data_type}_")
        date, _, symbol = rest.partition("_")
        return exchange, dt.date.fromisoformat(date), symbol

    @property
    def _table(self) -> Path:
        return self.lake.table(self.source.data_type)

    def _log_entry(self, version: int) -> Path:
        return self._table / "_delta_log" / f"{version:020}.json"

    def stages(self) -> list[str]:
        """Where the median drop spent its time, by the daemon's own lines and the reader's clock."""
        lines = self.lake.events("file.committed")
        medians = {name: statistics.median(line[f"{name}_ms"] or 0.0 for line in lines) for name in STAGES}
        medians["reader"] = statistics.median(self.reader_ms)
        medians["event, new id and commit of the rows"] = statistics.median(self.seen_ms) - sum(medians.values())
        commit = statistics.median(line["commit_ms"] for line in lines)
        return [
            f"medians in ms: {', '.join(f'{name} {value:.1f}' for name, value in medians.items())}",
            f"commit in the log, with the ledger's outcome, which no reader of the rows waits for: {commit:.1f} ms",
        ]


def _is(key: Key) -> pl.Expr:
    return pl.all_horizontal(pl.col(name) == pl.lit(part) for name, part in zip(COLUMNS, key, strict=True))

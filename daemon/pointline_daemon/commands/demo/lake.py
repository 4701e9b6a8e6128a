"""The lake of the demonstration: where it is made, and which files arrive in it."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from pointline.phrases import printable
from pointline_daemon.samples import Sample, csv_bytes, demo_samples, gzip_bytes, sample_frame, write_sample

NAME = "pointline-demo"
MARKER = ".pointline-demo"
DAYS = 3
BAD_ROWS = {12: "price", 30: "local_timestamp", 47: "amount", 68: "side", 90: "exchange"}
"""Data rows (from 1) of the one file with faults, and the column that is spoilt in each."""
SPOILT = {"price": "12.5x", "local_timestamp": "yesterday", "amount": "", "side": "maybe", "exchange": "elsewhere"}


class UnusableFolderError(Exception):
    """The demonstration cannot go there; the text says why."""


class DemoFile(Struct, frozen=True, kw_only=True):
    """One file on its way into bronze."""

    sample: Sample
    path: str
    has_faults: bool = False

    @property
    def table(self) -> str:
        """The table that its rows go into."""
        return self.sample.data_type

    def write(self, bronze: Path) -> None:
        """Write as the vendor's client does: under an unconfirmed name, then renamed into place."""
        target = bronze / self.path
        if not self.has_faults:
            write_sample(self.sample, target)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        unconfirmed = target.with_name(f"{target.name}.unconfirmed")
        unconfirmed.write_bytes(gzip_bytes(_spoil(csv_bytes(sample_frame(self.sample)))))
        unconfirmed.replace(target)


def prepare_folder(directory: Path | None) -> tuple[Path, int]:
    """Return the lake's folder, made where it is missing, and how many demonstrations it has seen.

    A lake of an earlier demonstration gets further days; what else a folder holds is never touched.
    """
    folder = _fresh_folder() if directory is None else directory.expanduser()
    if folder.exists() and not folder.is_dir():
        raise UnusableFolderError(f"{printable(str(folder))} is a file, not a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        marker = folder / MARKER
        if marker.exists():
            runs = int(marker.read_text())
        elif any(folder.iterdir()):
            raise UnusableFolderError(f"{printable(str(folder))} is not empty and is not a demo lake")
        else:
            runs = 0
        marker.write_text(f"{runs + 1}\n")
    except (OSError, ValueError) as error:
        raise UnusableFolderError(f"{printable(str(folder))} cannot be used: {error}") from error
    return folder.resolve(), runs


def demo_files(run: int) -> Iterator[DemoFile]:
    """Yield the files of a run in the order in which they arrive: three layouts in turn, one file with faults."""
    later = dt.timedelta(days=DAYS * run)
    for position, sample in enumerate(demo_samples()):
        dated = replace(sample, date=sample.date + later)
        yield DemoFile(sample=dated, path=(dated.hive_path, dated.file_name, dated.url_path)[position % 3])
        if position == len(BAD_ROWS):
            faulty = Sample(exchange="binance-futures", data_type="trades", symbol="SOLUSDT", date=dated.date, rows=100)
            yield DemoFile(sample=faulty, path=faulty.file_name, has_faults=True)


def _fresh_folder() -> Path:
    if not os.access(Path.cwd(), os.W_OK | os.X_OK):
        return Path(tempfile.mkdtemp(prefix=f"{NAME}-"))
    number = 1
    while (folder := Path(NAME if number == 1 else f"{NAME}-{number}")).exists():
        number += 1
    return folder


def _spoil(content: bytes) -> bytes:
    header, *lines = content.decode().splitlines()
    columns = header.split(",")
    for row, column in BAD_ROWS.items():
        cells = lines[row - 1].split(",")
        cells[columns.index(column)] = SPOILT[column]
        lines[row - 1] = ",".join(cells)
    return "\n".join([header, *lines, ""]).encode()

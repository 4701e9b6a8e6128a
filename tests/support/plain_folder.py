"""A folder of files for the reader: whatever is there is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pointline.io.protocols.file_version import BronzeFileMetadata


@dataclass(frozen=True)
class PlainFolder:
    root: Path

    def open(self, path: str) -> BinaryIO:
        return (self.root / path).open("rb")

    def look(self, path: str) -> BronzeFileMetadata | None:
        return None

    def said_by(self, path: str) -> tuple[object, ...]:
        return ()

    def changed_at(self, path: str) -> int | None:
        return None

    def is_gone(self, path: str) -> bool:
        return not (self.root / path).exists()

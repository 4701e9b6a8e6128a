"""Flushing to disk. A name is durable when its folder is flushed, a content when its file is."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

MOST_READS = 5

T = TypeVar("T")


def flush_file(path: Path) -> None:
    """Force a file's content to disk."""
    _fsync(path, os.O_RDONLY)


def flush_folder(path: Path) -> None:
    """Force the names in a folder to disk."""
    _fsync(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))


def make_folder(path: Path) -> None:
    """Create a folder and its parents, names on disk when this returns."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        flush_folder(folder.parent)


def open_new(path: Path) -> BinaryIO:
    """Open a file for writing, in place of what a killed process left there. Never through a symbolic link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, 0o666), "wb")


def replace_file(path: Path, content: bytes, *, flush: bool = True) -> None:
    """Write a file so that a reader finds the old content or the new, never a part."""
    staged = path.with_name(f".{path.name}.tmp")
    with open_new(staged) as file:
        file.write(content)
        file.flush()
        if flush:
            os.fsync(file.fileno())
    staged.replace(path)
    if flush:
        flush_folder(path.parent)


def read_of_many(read: Callable[[], T]) -> T:
    """Return what is read of files that another process joins meanwhile: looked up again where one of them is gone."""
    for _ in range(MOST_READS - 1):
        with suppress(FileNotFoundError):
            return read()
    return read()


def write_over(path: Path, content: bytes) -> None:
    """Write a file in its own place, filled up with blanks to the size it had: a full disk has no room for another.

    A reader may find a part of it.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "wb") as file:
        file.write(content.ljust(os.fstat(file.fileno()).st_size))


def _fsync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Symbolic links in a lake: named, and never written or removed through.

The lake's own folder, ``silver`` and ``bronze`` may be links that somebody made, to another disk. What lies in silver
and in ``.pointline`` is Pointline's own, and a link there leads to what is not: another lake's table, a copy of this.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pointline.errors import StorageTrouble


def link_on_the_way(folder: Path, path: Path) -> Path | None:
    """Return what is a symbolic link of a folder of the lake, what lies on the way to ``path`` in it, and ``path``."""
    step = folder
    for name in ("", *path.relative_to(folder).parts):
        step = step / name
        if step.is_symlink():
            return step
    return None


def refuse_links(folder: Path, path: Path) -> None:
    """Raise StorageTrouble where that folder, or anything below it on the way to ``path``, is a symbolic link."""
    link = link_on_the_way(folder, path)
    if link is not None:
        shown = link.relative_to(folder.parent)
        raise StorageTrouble(
            f"{shown} is a symbolic link to {link.readlink()}: nothing is written or removed through it",
            subject=str(shown),
            hint="put the file or folder itself in its place; only the lake, silver and bronze may be links",
        )


def refuse_link_to_nothing(folder: Path) -> None:
    """Raise StorageTrouble where ``silver`` or ``bronze`` is a link and no folder is where it leads to."""
    if folder.is_symlink() and not folder.is_dir():
        what = "no folder" if folder.exists() else "nothing"
        raise StorageTrouble(
            f"{folder.name} is a link to {folder.readlink()}, and {what} is there",
            subject=str(folder),
            hint=f"mount its disk, or let the link lead to where {folder.name} is now",
        )


def links_in(silver: Path, state: Path) -> Iterator[tuple[str, str]]:
    """Yield ``(path, target)`` of the symbolic links in silver and in the state folder; paths relative to the lake.

    Silver itself may be a link. What a link leads to is not looked at.
    """
    root = silver.parent
    if state.is_symlink():
        yield state.name, str(state.readlink())
    todo = [str(silver), *([] if state.is_symlink() else [str(state)])]
    while todo:
        try:
            try:
                entries = sorted(os.scandir(todo.pop()), key=lambda entry: entry.name)
            except PermissionError:
                continue  # whoever looks at owners and modes names it
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            if entry.is_symlink():
                yield Path(entry.path).relative_to(root).as_posix(), str(Path(entry.path).readlink())
            elif entry.is_dir(follow_symlinks=False):
                todo.append(entry.path)

"""Symbolic links and other things in bronze that are no files: what they are, and whether they are followed."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

from pointline.io.bronze.paths.unrecognised import Unrecognised
from pointline.io.bronze.spelled_path import written_path

KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
UNMOUNTED = "mount its disk, or remove the link"
UNMOUNTED_FOLDER = "mount its disk; if the folder is to be without one, rename it"
REMOVE = "remove it from bronze; only files can be read"
FOLLOW = "copy or hard-link the files into bronze, or set bronze.follow_links"


class Target(NamedTuple):
    """Where a link leads. ``status`` is None where nothing can be reached; ``fault`` says why it is not followed.

    ``fault`` goes on with a sentence that began with "it", and is empty for a link that is followed.
    """

    real: str
    status: os.stat_result | None
    fault: str = ""
    advice: str = ""
    error: OSError | None = None

    @property
    def is_folder(self) -> bool:
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)


def kind_of(mode: int) -> str | None:
    """Return what a thing of that mode is where it is no regular file."""
    if stat.S_ISREG(mode):
        return None
    return next((kind for is_kind, kind in KINDS if is_kind(mode)), "not a regular file")


def follow(root: str, link: str, *, follow_links: bool) -> Target:
    """Look where a symbolic link leads. ``root`` is bronze, without links. Raises OSError where it cannot be read."""
    target = written_path(str(Path(link).readlink()))
    try:
        status = Path(link).stat()
    except FileNotFoundError:
        return Target("", None, f"is a symbolic link to nothing: {target!r} does not exist", UNMOUNTED)
    except OSError as error:
        circle = "in a circle" if error.errno == errno.ELOOP else f"to {target!r} ({error.strerror})"
        return Target("", None, f"is a symbolic link that leads {circle}", "remove the link", error)
    real = os.path.realpath(link)
    kind = kind_of(status.st_mode)
    if kind == "a folder":
        fault = "" if follow_links else f"is a symbolic link to {target!r}, which is a folder: it is not entered"
        return Target(real, status, fault, FOLLOW)
    if kind:
        return Target(real, status, f"is a symbolic link to {target!r}, which is {kind}", "remove the link")
    if not follow_links and not is_inside(root, real):
        return Target(real, status, f"is a symbolic link that leads out of bronze, to {written_path(real)!r}", FOLLOW)
    return Target(real, status)


def is_inside(root: str, real: str) -> bool:
    """Tell whether a path without links is below ``root``."""
    return real.startswith(root.rstrip("/") + "/")


def left_out_link(path: str, target: Target, *, is_unreadable: bool = False) -> Unrecognised:
    """Describe a link that is not followed. ``is_unreadable``: its disk may only not be mounted."""
    what = "a link to a folder" if target.is_folder else "a link"
    return Unrecognised(path, f"it {target.fault}", what, target.advice, is_unreadable=is_unreadable)


def left_out_special(path: str, kind: str) -> Unrecognised:
    """Describe what is neither a file nor a folder nor a link."""
    return Unrecognised(path, f"it is {kind}, not a file", kind, REMOVE)


def left_out_unmounted(path: str) -> Unrecognised:
    """Describe a folder whose disk is not mounted."""
    reason = "a disk was mounted on it, and is not mounted now"
    return Unrecognised(path, f"it is a folder; {reason}", "a mount point", UNMOUNTED_FOLDER, is_unreadable=True)


def left_out_unreadable(path: str, error: OSError) -> Unrecognised:
    """Describe a folder or a file that could not be looked at."""
    reason = f"it cannot be read: {error.strerror or error}"
    return Unrecognised(path, reason, "", "let the daemon's user read it, or check its disk", is_unreadable=True)

"""Why this process may not use a path, and what gives it access: the owner, the mode, or a mark on the file."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from pathlib import Path

from msgspec import Struct

from pointline.io.ownership import name_of_user


def access_hint(path: Path, code: int) -> str:
    """Return what to do about EACCES or EPERM at a path, naming who owns what is in the way, and its mode."""
    place, status = _in_the_way(path)
    if status is None:
        return f"give {name_of_user(os.geteuid())} access to {place}"
    quoted, user = shlex.quote(str(place)), os.geteuid()
    found = f"{place} belongs to {name_of_user(status.st_uid)} and has mode {stat.S_IMODE(status.st_mode):04o}"
    wanted = stat.S_IRWXU if stat.S_ISDIR(status.st_mode) else stat.S_IRUSR
    if user not in {0, status.st_uid}:
        if _owner_of_lake(place) not in {None, user}:  # who only reads must not take it away from who writes
            return f"{found}: `sudo chmod -R a+rX {quoted}`"
        return f"{found}: `sudo chown -R {name_of_user(user)}: {quoted}`"
    if status.st_mode & wanted != wanted:
        return f"{found}: `chmod -R u+rwX {quoted}`"
    if code == errno.EPERM:
        return f"{place} may be marked immutable, as `lsattr -d {quoted}` tells: `sudo chattr -i {quoted}`"
    return f"{found}, which permits it: look what else forbids it, such as `getfacl {quoted}` or a container"


class WriteFault(Struct, frozen=True, kw_only=True):
    """``what`` follows upon ``path`` in a sentence."""

    path: Path
    what: str
    hint: str


def write_fault(path: Path) -> WriteFault | None:
    """Return why a path may not be written although its mode permits it; None where that is not so.

    For its owner and for root: others are not told of what they may not see.
    """
    try:
        status = path.lstat()
        if os.geteuid() not in {0, status.st_uid} or not status.st_mode & stat.S_IWUSR or os.access(path, os.W_OK):
            return None
        is_read_only = os.statvfs(path).f_flag & os.ST_RDONLY
    except OSError:
        return None
    if is_read_only:
        return WriteFault(path=path, what="is on a disk that is mounted read-only", hint="remount it for writing")
    return WriteFault(path=path, what="may not be written", hint=access_hint(path, errno.EPERM))


def _owner_of_lake(path: Path) -> int | None:
    """Return who owns the lake that a path is in; None where that cannot be told."""
    for folder in (path, *path.parents):
        try:
            if stat.S_ISDIR((folder / ".pointline").lstat().st_mode):
                return folder.stat().st_uid
        except OSError:
            continue
    return None


def _in_the_way(path: Path) -> tuple[Path, os.stat_result | None]:
    """Return the first folder on the way that may not be entered; else the path, or the folder it would be made in."""
    last: tuple[Path, os.stat_result | None] = (path, None)
    for place in (*reversed(path.parents), path):
        try:
            status = place.stat()
        except OSError:
            break
        last = place, status
        if stat.S_ISDIR(status.st_mode) and not os.access(place, os.X_OK):
            break
    return last

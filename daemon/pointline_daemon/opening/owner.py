"""Who may write a lake: its owner, and root acting as the owner. Files of another owner would stop it later."""

from __future__ import annotations

import os
import pwd
import shlex
import sys
from pathlib import Path

from pointline.errors import NotTheOwner
from pointline.io.ownership import name_of_user


def act_as_owner(root: Path) -> None:
    """Where root runs this and the lake is somebody else's, become that user, with all of the user's groups.

    A lake that does not exist yet belongs to who makes it. Raises NotTheOwner where root may not change users.
    """
    owner = _owner_of(root)
    if os.geteuid() != 0 or owner is None or owner[0] == 0:
        return
    user, group = owner
    try:
        account = pwd.getpwuid(user)
    except KeyError:
        groups = [group]
    else:
        group = account.pw_gid
        groups = os.getgrouplist(account.pw_name, group)
    try:
        os.setgroups(groups)
        os.setgid(group)
        os.setuid(user)
    except OSError as error:
        raise NotTheOwner(
            f"the lake {root} belongs to {name_of_user(user)}, as whom root may not act here: {error.strerror}",
            subject=str(root),
            hint=command_of_owner(root, user),
        ) from error
    if shut := shut_off():
        raise NotTheOwner(
            f"the lake {root} belongs to {name_of_user(user)}, who may not read {shut}, where pointline is installed",
            subject=str(shut),
            hint="install pointline where every user can read it, such as /opt/pointline",
        )


def shut_off() -> Path | None:
    """Return a place that this program is made of and its user may not read; None where all may be read."""
    places = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parent)
    return next((place for place in places if not os.access(place, os.R_OK | os.X_OK)), None)


def may_write(root: Path) -> bool:
    """Tell whether this process runs as the lake's owner. A lake that does not exist yet anybody may make."""
    owner = _owner_of(root)
    return owner is None or owner[0] == os.geteuid()


def require_owner(root: Path) -> None:
    """Become the owner where root runs this. Raises NotTheOwner where anybody else does."""
    act_as_owner(root)
    if not may_write(root):
        raise refusal(root)


def refusal(root: Path) -> NotTheOwner:
    """Return the error that says what to type."""
    owner = _owner_of(root)
    user = os.geteuid() if owner is None else owner[0]
    return NotTheOwner(
        f"the lake {root} belongs to {name_of_user(user)}, and you are {name_of_user(os.geteuid())}: "
        "only its owner writes it",
        subject=str(root),
        hint=command_of_owner(root, user),
    )


def command_of_owner(root: Path, user: int) -> str:
    """Return the command that was typed as the owner has to type it; sudo keeps neither path nor environment."""
    program = Path(sys.argv[0]).absolute()
    start = [str(program)] if program.name == "pointline" else ["pointline"]
    arguments = sys.argv[1:]
    if not any(one == "--lake-root" or one.startswith("--lake-root=") for one in arguments):
        end = arguments.index("--") if "--" in arguments else len(arguments)
        arguments = [*arguments[:end], "--lake-root", str(root), *arguments[end:]]
    return shlex.join(["sudo", "-u", sudo_name(user), *start, *arguments])


def sudo_name(user: int) -> str:
    """Return how sudo calls a user."""
    name = name_of_user(user)
    return f"#{user}" if name == str(user) else name


def command_for_stranger(root: Path) -> str | None:
    """Return the command that was typed as the lake's owner has to type it; None where this is its owner, or root."""
    owner = _owner_of(root)
    if owner is None:
        owner = next((one for one in map(_owner_of, root.parents) if one is not None), None)
    if owner is None or os.geteuid() in {0, owner[0]}:
        return None
    return command_of_owner(root, owner[0])


def _owner_of(root: Path) -> tuple[int, int] | None:
    """User and group, None where there is no such folder."""
    try:
        status = root.stat()
    except OSError:
        return None
    return status.st_uid, status.st_gid

"""The units in ``systemd/``: where they are found, and how the places of one installation are filled in.

The files work as they stand, for a lake in /srv/lake and a virtual environment in /opt/pointline. To fill one in is to
put other places where these stand; comments stay as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from xml.sax.saxutils import escape

from pointline.errors import PointlineError

COMMAND, LAKE, LAKES, ACCOUNT = "/opt/pointline/.venv/bin/pointline", "/srv/lake", "/srv/lakes", "pointline"
STANDS = re.compile(f"{COMMAND}|{LAKES}|{LAKE}")  # the longer one first
PLIST_STANDS = re.compile(f"(?<=<string>)(?:{COMMAND}|{LAKE}|{ACCOUNT}</string>)")
HOMES = ("/home", "/root", "/run/user")
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - looked for, not written to
LABEL = "local.pointline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What differs from one installation to the next. All paths are absolute.

    ``lake`` is the folder of the lakes where each instance keeps one. ``used`` are paths besides that are needed.
    """

    command: Path
    lake: Path
    user: str
    group: str
    used: tuple[Path, ...] = ()

    def lie_below(self, *folders: str) -> bool:
        """Whether one of them is in one of these folders."""
        return any(path.is_relative_to(folder) for path in (self.command, self.lake, *self.used) for folder in folders)


def read_template(name: str) -> str:
    """Return the text of a file of ``systemd/``, from the checkout or from what was installed."""
    path = _find(name)
    if path is None:
        raise PointlineError(
            f"{name} is missing from this installation", subject=name, hint="install pointline again with pip"
        )
    return path.read_text(encoding="utf-8")


def _find(name: str) -> Path | None:
    checkout = Path(__file__).parents[2] / "systemd" / name
    if checkout.is_file():
        return checkout
    try:
        installed = files("pointline") or []
    except PackageNotFoundError:
        return None
    found = (Path(str(entry.locate())) for entry in installed if entry.parts[-2:] == ("systemd", name))
    return next((path for path in found if path.is_file()), None)


def fill_unit(template: str, places: Places) -> str:
    """Fill in a unit of systemd."""
    return "".join(
        line if line.startswith("#") else _fill_line(line, places) for line in template.splitlines(keepends=True)
    )


def _fill_line(line: str, places: Places) -> str:
    key = line.partition("=")[0]
    if key in {"User", "Group"}:
        return f"{key}={_without_specifiers(places.user if key == 'User' else places.group)}\n"
    if key == "ProtectHome" and places.lie_below(*HOMES):
        return "ProtectHome=read-only\n"
    if key == "PrivateTmp" and places.lie_below(*TEMPORARY):
        return "PrivateTmp=no\n"
    filled = {COMMAND: places.command, LAKE: places.lake, LAKES: places.lake}
    return STANDS.sub(lambda found: _quoted(str(filled[found[0]]), key), line)


def _quoted(path: str, key: str) -> str:
    """Write a path as it has to stand between quotes, or, where systemd takes the rest of the line, without any."""
    path = _without_specifiers(path)
    if key.startswith("Assert"):  # a blank at the end would be dropped, a backslash would go on in the next line
        return f"{path}/" if path[-1].isspace() or path[-1] == "\\" else path
    path = path.replace("\\", "\\\\").replace('"', '\\"')
    return path.replace("$", "$$") if key.startswith("Exec") else path


def _without_specifiers(text: str) -> str:
    return text.replace("%", "%%")


def fill_plist(template: str, places: Places) -> str:
    """Fill in a property list of launchd."""
    start, opening, body = template.partition("<plist")
    filled = {COMMAND: str(places.command), LAKE: str(places.lake), f"{ACCOUNT}</string>": places.user}
    ends = {f"{ACCOUNT}</string>": "</string>"}
    body = PLIST_STANDS.sub(lambda found: escape(filled[found[0]]) + ends.get(found[0], ""), body)
    return f"{start}{opening}{body}"

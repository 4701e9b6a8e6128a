"""The units in ``systemd/``: where they are found, and how the places of one installation are filled in.

The files work as they stand, for a lake in /srv/lake and a virtual environment in /opt/pointline. To fill one in is to
put other places where these stand; comments stay as they are.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from xml.sax.saxutils import escape

from msgspec import Struct
from msgspec.structs import replace

from pointline.errors import PointlineError

COMMAND, LAKE, LAKES, ACCOUNT = "/opt/pointline/.venv/bin/pointline", "/srv/lake", "/srv/lakes", "pointline"
STANDS = re.compile(f"{COMMAND}|{LAKES}|{LAKE}")  # the longer one first
PLIST_STANDS = re.compile(f"(?<=<string>)(?:{COMMAND}|{LAKE}|{ACCOUNT}</string>)")
HOMES = ("/home", "/root", "/run/user")
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - looked for, not written to
LABEL = "local.pointline"


class Places(Struct, frozen=True, kw_only=True):
    """What differs from one installation to the next. All paths are absolute.

    ``lake`` is the folder of the lakes where each instance keeps one. ``used`` are paths besides that are needed.
    ``bronze`` are folders outside the lake from which files are read, ``silver`` is where the tables are if not in it.
    """

    command: Path
    lake: Path
    user: str
    group: str
    used: tuple[Path, ...] = ()
    bronze: tuple[Path, ...] = ()
    silver: Path | None = None

    @property
    def elsewhere(self) -> tuple[Path, ...]:
        """Folders outside the lake that belong to it."""
        return (*self.bronze, *([self.silver] if self.silver else []))

    def lie_below(self, *folders: str) -> bool:
        """Whether one of them is in one of these folders."""
        paths = (self.command, self.lake, *self.used, *self.elsewhere)
        return any(path.is_relative_to(folder) for path in paths for folder in folders)

    def without_elsewhere(self) -> Places:
        """The same, if the lake were all in one folder."""
        return replace(self, bronze=(), silver=None)


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
    if key in {"ProtectHome", "PrivateTmp", "NoExecPaths"} and (loosened := _loosened(key, places)) is not None:
        return loosened
    filled = {COMMAND: places.command, LAKE: places.lake, LAKES: places.lake}
    line = STANDS.sub(lambda found: _quoted(str(filled[found[0]]), key), line)
    if key == "AssertPathIsDirectory":
        return line + "".join(f"{key}={_quoted(str(path), key)}\n" for path in places.elsewhere)
    more = _named(key, places)
    return f"{line.rstrip()} {more}\n" if more else line


def _loosened(key: str, places: Places) -> str | None:
    """Return what a setting of the sandbox has to say here instead; None where it stays as it is."""
    if key == "ProtectHome" and places.lie_below(*HOMES):
        return "ProtectHome=read-only\n"
    if key == "PrivateTmp" and places.lie_below(*TEMPORARY):
        return "PrivateTmp=no\n"
    if key == "NoExecPaths" and any(path.is_relative_to(places.lake) for path in (places.command, *places.used)):
        return ""
    return None


def _named(key: str, places: Places) -> str:
    """Return the folders outside the lake that this setting has to name besides the lake, each between quotes."""
    silver = (places.silver,) if places.silver else ()
    folders = {"RequiresMountsFor": places.elsewhere, "ReadWritePaths": silver, "NoExecPaths": silver}
    return " ".join(f'"{_quoted(str(path), key)}"' for path in folders.get(key, ()))


def drop_in(places: Places) -> str:
    """Return what one instance needs besides the unit of all of them; empty where its lake is all in one folder."""
    if not places.elsewhere:
        return ""
    settings = {key: _named(key, places) for key in ("ReadWritePaths", "NoExecPaths")}
    settings["ProtectHome"] = "read-only" if places.lie_below(*HOMES) else ""
    settings["PrivateTmp"] = "no" if places.lie_below(*TEMPORARY) else ""
    service = [f"{key}={value}\n" for key, value in settings.items() if value]
    return "".join(
        [
            "# Parts of this lake are elsewhere. The unit of all lakes does not know where.\n",
            f"[Unit]\nRequiresMountsFor={_named('RequiresMountsFor', places)}\n",
            *(["[Service]\n", *service] if service else []),
        ]
    )


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

"""How the daemon of a lake is started here: by its service, where one is installed for this lake, else by hand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.sax.saxutils import unescape

SYSTEM, USER = Path("/etc/systemd/system"), Path(".config/systemd/user")
SETS_LAKE = 'Environment="LAKE_ROOT='
PLIST_LAKE = re.compile(r"<key>LAKE_ROOT</key>\s*<string>([^<]*)</string>")


def start_command(root: Path, *, system: Path = SYSTEM, home: Path | None = None) -> str:
    """Return what to type to start the daemon of the lake at ``root``."""
    user = (Path.home() if home is None else home) / USER
    if lake_of(user / "pointline.service") == str(root):
        return "systemctl --user start pointline"
    if lake_of(system / "pointline.service") == str(root):
        return "sudo systemctl start pointline"
    if lake_of(system / "pointline@.service") == f"{root.parent}/%i":
        return f"sudo systemctl start pointline@{root.name}"
    return f"pointline run --lake-root {shlex.quote(str(root))}"


def lake_of(unit: Path) -> str:
    """Return the lake that a unit names, ``/%i`` at its end for those of instances; empty where there is none."""
    try:
        content = unit.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    if found := PLIST_LAKE.search(content):
        return unescape(found[1])
    lines = content.splitlines()
    named = [line for line in lines if line.startswith(SETS_LAKE)]
    if not named:
        return ""
    text = named[-1].removeprefix(SETS_LAKE).rstrip().removesuffix('"')
    text = text.replace('\\"', '"').replace("\\\\", "\\")
    instances = "/%i" * text.endswith("/%i")
    return text.removesuffix(instances).replace("%%", "%") + instances

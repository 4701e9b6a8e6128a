"""Where a lake is, and every place in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointline.config.layers import problem_of
from pointline.errors import ConfigurationError, NoAccess
from pointline.io.lake_links import refuse_link_to_nothing
from pointline.io.ownership import name_of_user

NAME_IT: Final = (
    "name the lake's folder by --lake-root or LAKE_ROOT, in Python by lake_root=; `pointline demo` makes a lake to try"
)


class LakePaths(Struct, frozen=True):
    """Every place in a lake. ``root`` is absolute and free of symbolic links."""

    root: Path

    @property
    def bronze(self) -> Path:
        return self.root / "bronze"

    @property
    def silver(self) -> Path:
        return self.root / "silver"

    @property
    def disk(self) -> Path:
        """A place on the disk that fills: silver may be on another than the lake."""
        return self.silver if self.silver.is_dir() else self.root

    @property
    def state(self) -> Path:
        return self.root / ".pointline"

    @property
    def lock_file(self) -> Path:
        return self.state / "lock"

    @property
    def state_file(self) -> Path:
        return self.state / "state.json"

    @property
    def last_id_file(self) -> Path:
        return self.state / "last_file_id"

    @property
    def requests(self) -> Path:
        return self.state / "requests"

    @property
    def settings_file(self) -> Path:
        return self.root / "pointline.toml"

    @property
    def vendors(self) -> Path:
        return self.root / "vendors"

    def strangers(self) -> list[Path]:
        """Return what lies in the folder and belongs to no lake; hidden names aside."""
        own = {self.bronze, self.silver, self.settings_file, self.vendors}
        return [path for path in self.root.iterdir() if path not in own and not path.name.startswith(".")]

    def table(self, name: str) -> Path:
        return self.silver / name


def find_root(lake_root: str | Path | None, environ: Mapping[str, str]) -> tuple[Path, str]:
    """Return the lake's folder and who named it. Raises ConfigurationError, NoAccess."""
    given, source = (
        (lake_root, "flag") if lake_root is not None else (environ.get("LAKE_ROOT"), "environment LAKE_ROOT")
    )
    if given is None or not str(given).strip():
        slip = "POINTLINE_LAKE_ROOT is not read; " if "POINTLINE_LAKE_ROOT" in environ else ""
        raise ConfigurationError(
            ["lake_root: no lake is named"],
            hint=f"{slip}set LAKE_ROOT to the lake's folder or pass --lake-root, in Python lake_root=; "
            "`pointline demo` makes a lake to try",
        )
    try:
        root = Path(given).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise _unusable(given, source, f"not a usable path: {error}") from error
    if root.is_symlink():  # Python 3.13 resolves it to itself; those before it raise
        raise _unusable(given, source, "not a usable path: the link leads to itself")
    if any("\udc80" <= letter <= "\udcff" for letter in str(root)):
        what = "the path is not UTF-8, and neither delta-rs nor Polars opens such a path: rename the folder"
        raise _unusable(given, source, what)
    _require_access(root)
    if (lake := _lake_around(root)) is not None:
        raise _unusable(given, source, f"it lies inside a lake: name the lake itself, {lake}")
    refuse_link_to_nothing(root / "silver")  # a lake without it looks like a new one
    if root.exists() and not root.is_dir():
        raise _unusable(given, source, "not a folder")
    return root, source


def _lake_around(root: Path) -> Path | None:
    """Return the lake in whose bronze or silver folder this one is: people name these for the lake."""
    for lake in root.parents:
        with suppress(OSError):  # what may not be looked at is not known to be one
            if root.relative_to(lake).parts[0] in {"bronze", "silver"} and (lake / "silver/ingest_manifest").is_dir():
                return lake
    return None


def _unusable(given: str | Path, source: str, what: str) -> ConfigurationError:
    return ConfigurationError([problem_of("lake_root", str(given), source, what).text], hint=NAME_IT)


def _require_access(root: Path) -> None:
    """Raise NoAccess where this process may not enter the lake's folder, one above it, or silver."""
    way = (*reversed(root.parents), root, root / "silver")
    shut = next((one for one in way if one.is_dir() and not os.access(one, os.X_OK)), None)
    if shut is not None:
        status = shut.stat()
        owner = name_of_user(status.st_uid)
        is_own = status.st_uid == os.geteuid()
        raise NoAccess(
            f"you have no access to the lake: {shut} belongs to {owner} and has mode "
            f"{stat.S_IMODE(status.st_mode):04o}",
            subject=str(root),
            hint=f"`chmod u+rwx {shut}`" if is_own else f"`sudo chmod a+rX {shut}`, or become {owner}",
        )

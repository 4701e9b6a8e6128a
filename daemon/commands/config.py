"""``pointline config``."""

from __future__ import annotations

import json
from pathlib import Path

from pointline.config import describe, load_config
from pointline.errors import ConfigurationError

EXIT_BAD_CONFIGURATION = 78


def show(lake_root: Path | None, *, as_json: bool) -> int:
    """Print every setting, its value and its source."""
    rows = describe(load_config(lake_root))
    if as_json:
        print(json.dumps({key: {"value": value, "source": source} for key, value, source in rows}, default=str))
        return 0
    width = max(len(key) for key, _, _ in rows)
    for key, value, source in rows:
        print(f"{key:<{width}}  {value}  ({source})")
    return 0


def check(lake_root: Path | None, *, as_json: bool) -> int:
    """Print all problems of the settings."""
    try:
        config = load_config(lake_root)
    except ConfigurationError as error:
        if as_json:
            print(json.dumps({"ok": False, "problems": error.problems}))
            return EXIT_BAD_CONFIGURATION
        raise
    print(json.dumps({"ok": True, "problems": []}) if as_json else f"the settings of {config.paths.root} are good")
    return 0

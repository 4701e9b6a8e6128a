"""``pointline config``."""

from __future__ import annotations

import json
from pathlib import Path

from pointline.config import Config, describe, load_config
from pointline.errors import CHECK, ConfigurationError
from pointline.phrases import printable
from pointline.settings import is_size
from pointline_daemon.commands.shared.present import Column, bytes_text, print_table
from pointline_daemon.commands.shared.settings import refused_at_start, settings_for
from pointline_daemon.exit_codes import EXIT_BAD_CONFIGURATION
from pointline_daemon.opening.bronze_access import make_layout

TO_CORRECT = "correct them where each is set: the place is named in brackets"


def show(lake_root: Path | None, *, as_json: bool) -> int:
    """Print every setting, its value and its source."""
    rows = describe(settings_for(lake_root))
    if as_json:
        print(json.dumps({key: {"value": value, "source": source} for key, value, source in rows}, default=str))
        return 0
    columns = [Column(title="setting"), Column(title="value", fold=True), Column(title="from", fold=True)]
    styles = ["dim" if source == "default" else "" for _, _, source in rows]
    print_table(columns, [[key, _text(key, value), printable(source)] for key, value, source in rows], styles=styles)
    return 0


def check(lake_root: Path | None, *, as_json: bool) -> int:
    """Print all problems of the settings, or of the lake's descriptions of vendors."""
    try:
        config = load_config(lake_root, needs=())
        _require_sound(config)
    except ConfigurationError as error:
        hint = TO_CORRECT if error.hint == CHECK else error.hint
        if as_json:
            said = {"error": str(error), "subject": error.subject, "try": hint}
            print(json.dumps({"ok": False, "problems": error.problems, **said}))
            return EXIT_BAD_CONFIGURATION
        raise ConfigurationError(error.problems, hint=hint) from error
    print(json.dumps({"ok": True, "problems": []}) if as_json else f"the settings of {config.paths.root} are good")
    return 0


def _require_sound(config: Config) -> None:
    """Raise ConfigurationError with all problems of the settings, or else with those of the descriptions."""
    if problems := refused_at_start(config):
        raise ConfigurationError(problems)
    make_layout(config)


def _text(key: str, value: object) -> str:
    """Show a value as a person would write it."""
    if value is None:
        return "off"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and is_size(key):
        return bytes_text(value)
    if isinstance(value, tuple):
        return ", ".join(map(printable, value)) or "none"
    return printable(str(value))

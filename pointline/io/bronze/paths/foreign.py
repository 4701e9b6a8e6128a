"""Why a path in bronze is nobody's business: the sentence for the person who wonders. Pure string work."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pointline.io.bronze.paths.layout import ENDING, JSON_ENDING, Layout
from pointline.io.bronze.paths.names import name_filter

HIVE_KEYS = ("exchange", "type", "date", "symbol")
HIVE_FOLDER = re.compile(r"(exchange|type|date|symbol)=(.*)", re.DOTALL)
SOME_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DATE_IN_PLACE = re.compile(r"_[0-9]{4}-[0-9]{2}-[0-9]{2}_")
HIDDEN = ".*"


def why_ignored(path: str, layout: Layout) -> str | None:
    """Say which name in the path is left alone, and by which pattern; None where there is none."""
    for name in path.split("/"):
        for glob in layout.ignore:
            if name_filter([glob])(name):
                kind = "a hidden name" if glob == HIDDEN else "a temporary or ignored name"
                return f"{name!r} is {kind}: it matches {glob!r} of the setting bronze.ignore (or ignore_also)"
    return None


def why_foreign(path: str) -> str:
    """Say why a path that is not ignored fits no layout."""
    folders, _, name = path.rpartition("/")
    ending = ENDING.search(name)
    if ending is None:
        return "its name ends in none of .csv, .csv.gz, .csv.zst, .parquet, and no description matches it"
    if JSON_ENDING.search(name):
        return "its name ends in JSON, which is read of instruments only, and its path does not say that it is such"
    keys = {found[1]: found[2] for folder in folders.split("/") if (found := HIVE_FOLDER.fullmatch(folder))}
    if keys:
        return _hive_fault(keys)
    stem = name[: ending.start()]
    return (
        f"its name does not have the form {{exchange}}_{{data_type}}_{{YYYY-MM-DD}}_{{symbol}} ({_name_fault(stem)}), "
        "and its folders are neither exchange=.../type=.../date=.../symbol=... nor exchange/data_type/yyyy/mm/dd"
    )


def _name_fault(stem: str) -> str:
    found = SOME_DATE.search(stem)
    if found is None:
        return "it has no date YYYY-MM-DD"
    if found[0] == stem:
        return "it is a date and nothing else"
    if DATE_IN_PLACE.search(stem):
        return "what stands before the date is not an exchange, '_' and a data type"
    return "its date is not between two '_'"


def _hive_fault(keys: Mapping[str, str]) -> str:
    lacking = [key for key in HIVE_KEYS if key not in keys]
    empty = [key for key, value in keys.items() if not value]
    if empty:
        return f"its folder {empty[0]}= names nothing"
    return f"its folders name {', '.join(keys)} but not {', '.join(lacking)}"

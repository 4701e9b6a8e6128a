"""The layers that settings come in (flags, environment, file), and what is wrong with any."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointline.io.small_file import read_small_file, why_unreadable
from pointline.settings import KINDS, SECTIONS, is_list, read_value

PREFIX: Final = "POINTLINE_"
SHOWN_CHARACTERS: Final = 80


class Problem(Struct, frozen=True):
    """``setting`` is ``section.key``, a section, or empty where all of them are concerned. ``text`` is one line."""

    setting: str
    text: str

    def concerns(self, needs: Collection[str]) -> bool:
        """Tell whether it stands in the way of one of these sections and settings."""
        if not self.setting:
            return bool(needs)
        return any(f"{self.setting}.".startswith(f"{one}.") or one.startswith(f"{self.setting}.") for one in needs)


class Layer(Struct, frozen=True):
    """Values by section and key, and the name of the exact place each of them stands in."""

    values: Mapping[str, Mapping[str, object]]
    name_place: Callable[[str, str], str]


def read_flags(overrides: Mapping[str, Mapping[str, object]]) -> Layer:
    """Return what flags of a command line say; None means that one was not given."""
    given = {name: {key: value for key, value in keys.items() if value is not None} for name, keys in overrides.items()}
    return Layer({name: keys for name, keys in given.items() if keys}, lambda _section, _key: "flag")


def read_environment(environ: Mapping[str, str], problems: list[Problem]) -> Layer:
    """Variables of a known section. Others with the prefix are left alone unless they look like a slip of the pen."""
    values: dict[str, dict[str, object]] = {}
    names: dict[tuple[str, str], str] = {}
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        section, separator, key = name.removeprefix(PREFIX).lower().partition("__")
        text, place = environ[name], f"environment {name}"
        if separator and section in SECTIONS:
            values.setdefault(section, {})[key] = _decode(text, as_list=is_list(section, key))
            names[section, key] = place
        elif separator and (close := _closest(section, SECTIONS)):
            what = f"no such section; did you mean {close}.{key}?"
            problems.append(problem_of(f"{section}.{key}", text, place, what))
        elif section.partition("_")[0] in SECTIONS:
            what = f"no such setting; two underscores join section and key: {PREFIX}<SECTION>__<KEY>"
            problems.append(problem_of(section, text, place, what))
    return Layer(values, lambda section, key: names[section, key])


def _decode(text: str, *, as_list: bool) -> object:
    """Lists are written as JSON; what is none is left as it is, to be reported."""
    if as_list:
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return text


def read_toml(path: Path, problems: list[Problem]) -> Layer:
    """Return what the lake's file of settings says, where there is one."""
    content: dict[str, object] = {}
    try:
        content = tomllib.loads(read_small_file(path).decode("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            what = f"{path.name} ({path}): a link to nothing: put the file there, or remove the link"
            problems.append(Problem("", what))
    except (OSError, ValueError, RecursionError) as error:  # bad TOML and bad UTF-8 are ValueErrors
        problems.append(Problem("", _one_line(f"{path.name} ({path}): cannot be read: {why_unreadable(error)}")))
    tables = {name: table for name, table in content.items() if isinstance(table, dict)}
    what = "not a section; settings stand in sections such as [ingest]"
    problems += [problem_of(name, value, str(path), what) for name, value in content.items() if name not in tables]
    return Layer(tables, lambda _section, _key: str(path))


def read_section(section: str, layers: Sequence[Layer], problems: list[Problem]) -> dict[str, object]:
    """Return the settings that a layer names, each from the first that does; what is wrong is added to ``problems``."""
    merged: dict[str, object] = {}
    for layer in reversed(layers):
        merged |= layer.values.get(section, {})
    values: dict[str, object] = {}
    for key, written in merged.items():
        what = f"no such setting{_suggestion(_closest_setting(section, key))}"
        try:
            if key in KINDS[section]:
                values[key] = read_value(section, key, written)
                continue
        except ValueError as error:
            what = str(error)
        problems.append(problem_of(f"{section}.{key}", written, source_of(layers, section, key), what))
    return values


def no_such_section(name: str, layer: Layer) -> Problem:
    """Say that a section is none."""
    what = f"there is no section of that name{_suggestion(_closest(name, SECTIONS))}"
    return Problem(name, f"[{name}] ({layer.name_place(name, '')}): {what}")


def source_of(layers: Sequence[Layer], section: str, key: str) -> str:
    """Name the place that a setting comes from."""
    places = (layer.name_place(section, key) for layer in layers if key in layer.values.get(section, {}))
    return next(places, "default")


def _closest(name: str, names: Collection[str]) -> str:
    return next(iter(difflib.get_close_matches(name, names, n=1)), "")


def _closest_setting(section: str, key: str) -> str:
    if close := _closest(key, KINDS[section]):
        return f"{section}.{close}"
    return next((f"{name}.{key}" for name, keys in KINDS.items() if key in keys), "")


def _suggestion(name: str) -> str:
    return f"; did you mean {name}?" if name else ""


def problem_of(path: str, value: object, source: str, what: str) -> Problem:
    """Say what is wrong with a value, and where it stands."""
    shown = repr(value)
    if len(shown) > SHOWN_CHARACTERS:
        shown = f"{shown[:SHOWN_CHARACTERS]}…"
    return Problem(path, _one_line(f"{path} = {shown} ({source}): {what}"))


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)

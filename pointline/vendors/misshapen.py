"""What in a description has not the shape of the language: said with its place, and with what may stand there."""

from __future__ import annotations

import difflib
import re
import threading
import types
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from pointline.vendors.language import FeedText
from pointline.vendors.language import Mapping as MappingText

Shape = TypeVar("Shape")
STEP = re.compile(r"\.(\w+)|\[(\d+)\]|\[\.\.\.\]")
UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`")
MISSING = re.compile(r"Object missing required field `(.*?)`")
NO_WORD = re.compile(r"Invalid enum value (.*?)(?: - at|$)")
OTHER_KIND = re.compile(r"Expected `(.*?)`, got `(.*?)`")
KINDS = {
    "str": "a text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list in [ ]",
    "object": "keys in { }",
    "null": "nothing",
}
MOST_KEYS = 16
_ONE_AT_A_TIME = threading.Lock()
"""msgspec 0.22 works out a struct when it first makes one; a second thread that is there meanwhile ends the process."""


class Misshapen(ValueError):
    """The text says what it is and where."""


def shaped(raw: object, shape: type[Shape]) -> Shape:
    """Return what is written as its struct. Raises Misshapen with the first thing that does not fit."""
    try:
        with _ONE_AT_A_TIME:
            return msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        raise Misshapen(_said(str(error), raw, shape)) from error


def unknown_keys(raw: Mapping[str, object], shape: type[Struct]) -> dict[str, str]:
    """Return the keys that a struct does not have, each with what is said of it."""
    known = shape.__struct_encode_fields__
    return {key: f"there is no key {key!r}; {_keys(key, shape)}" for key in raw if key not in known}


def misshapen_maps(maps: object) -> list[str]:
    """Return what is wrong with the lines of a map, each by its name: several of them may be."""
    found = []
    for name, line in maps.items() if isinstance(maps, Mapping) else ():
        if isinstance(line, str):
            continue
        if not isinstance(line, Mapping):
            found.append(f"map.{name}: write the name of a column in quotes, or keys in {{ }}")
            continue
        try:
            shaped(line, MappingText)
        except Misshapen as error:
            found.append(f"map.{name}: {error}")
    return found


def _said(error: str, raw: object, shape: type) -> str:
    path = error.rpartition(" - at `$")[2].removesuffix("`") if " - at `$" in error else ""
    value: object = raw
    kind: object = shape
    place = ""
    for name, number in STEP.findall(path):
        value, kind = _inner(value, kind, name, number)
        named = value.get("name") if number and isinstance(value, Mapping) else None
        place += f" {named}" if named else f".{name}" if name else f" {int(number) + 1}" if number else ""
    at = f"{place.strip('. ')}: " if place else ""
    if found := UNKNOWN.search(error):
        return f"{at}there is no key {found[1]!r}; {_keys(found[1], kind)}"
    if found := MISSING.search(error):
        return f"{at}the key {found[1]} is missing"
    if found := NO_WORD.search(error):
        return f"{at}{found[1]} is none of {', '.join(repr(word) for word in _words(kind) if word)}"
    if found := OTHER_KIND.search(error):
        wanted = " or ".join(KINDS.get(one, one) for one in found[1].split(" | "))
        return f"{at}{wanted} is wanted, not {KINDS.get(found[2], found[2])}"
    return error


def _keys(key: str, kind: object) -> str:
    struct = _struct(kind)
    keys = [field.encode_name for field in msgspec.structs.fields(struct)] if struct is not None else []
    if struct is MappingText and key in FeedText.__struct_fields__:
        return f"{key} is one of the feed: write it above [feed.map]"
    near = difflib.get_close_matches(key, keys, n=1)
    if near and len(keys) > MOST_KEYS:
        return f"did you mean {near[0]}? `pointline vendors help` has all of them"
    return f"there are {', '.join(keys)}"


def _inner(value: object, kind: object, name: str, number: str) -> tuple[object, object]:
    """Return what is one step further inside."""
    struct = _struct(kind)
    if name and struct is not None:
        fields = {field.encode_name: field.name for field in msgspec.structs.fields(struct)}
        held = value.get(name) if isinstance(value, Mapping) else None
        return held, get_type_hints(struct).get(fields.get(name, name))
    at = int(number) if number else 0
    held = value[at] if isinstance(value, Sequence) and not isinstance(value, str) and at < len(value) else None
    arguments = [one for one in get_args(kind) if _struct(one) is not None]
    return held, arguments[0] if arguments else kind


def _struct(kind: object) -> type[Struct] | None:
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind
    options = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else ()
    return next((found for one in options if (found := _struct(one)) is not None), None)


def _words(kind: object) -> list[str]:
    return (
        list(get_args(kind))
        if get_origin(kind) is Literal
        else [word for one in get_args(kind) for word in _words(one)]
    )

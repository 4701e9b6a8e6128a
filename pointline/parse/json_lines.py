"""Lines of JSON as the CSV they stand for, so that one path types and checks every row.

A line is one object. Its fields are named by where they are, ``data.s``, and have to be all that it has; only one that
nothing is made of may be lacking. Where entries
of lists in it are rows, as the levels of a book are, each becomes one, with the object's other fields before its own
cells. Values stay the text that they are: no number is read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

LIST = "list"
"""The column with the word of the list that a row is from."""
BROKEN = b"\x1e"
"""A line that cannot be decoded follows, in the place of its rows. No value has this character."""
FIRST_ENTRY, LAST_ENTRY = b'[["', b'"]]'
STRING, BACKSLASH = b'"', b"\\"
NESTED = (b"{", b"[")
NO_NAME = re.compile(r"[\x00-\x1f\"\\]")
Tree = dict[str, Any]
"""Names of an object's fields, each with what is in it where that is an object too."""
_entries = msgspec.json.Decoder(list[list[msgspec.Raw]])
_LACKING = msgspec.Raw(b"")


class BadFields(ValueError):
    """Fields that no object can have; the text says why."""


class JsonLines:
    """How lines of one kind are decoded. Shared by all threads."""

    def __init__(
        self, fields: Sequence[str], lists: Mapping[str, str], entry: Sequence[str], read: Sequence[str]
    ) -> None:
        """Take all ``fields`` of an object that are values; ``lists``, those that are lists, each with its word.

        ``entry`` names the cells of an entry of a list. Only what is to be ``read`` is in the rows.
        """
        tree, self._keys = _tree([*fields, *lists])
        values = [name for name in fields if name in read]
        unread = [name for name in fields if name not in read]
        self._decoder = msgspec.json.Decoder(_struct(tree, unread))
        self._unread = _getter([_place(tree, name) for name in unread])
        places = [_place(tree, name) for name in [*values, *lists]]
        self._get = _getter(places)
        self._values = len(values)
        has_word = bool(lists) and LIST in read
        self._words = [word.encode() + b"," if has_word else b"" for word in lists.values()]
        self.columns: tuple[str, ...] = (*values, *((LIST,) if has_word else ()), *(entry if lists else ()))
        """The cells of a row."""

    def decode(self, lines: bytes) -> bytes:
        """Return whole lines of JSON as whole lines of CSV; a line that cannot be decoded as itself, behind a mark."""
        return b"".join([self.decode_line(line) for line in lines.removesuffix(b"\n").split(b"\n")])

    def decode_line(self, line: bytes) -> bytes:
        """Do the same for one line, without its end. It may give no rows, one or many."""
        try:
            return self._rows(line)
        except (msgspec.MsgspecError, _Unexpected, RecursionError):
            return BROKEN + line.removesuffix(b"\r") + b"\n"

    def why_broken(self, line: str) -> str:
        """Say what is wrong with a line that cannot be decoded."""
        try:
            self._rows(line.encode("utf-8", "surrogateescape"))
        except (msgspec.MsgspecError, _Unexpected, RecursionError) as error:
            return str(error)
        return ""

    def _rows(self, line: bytes) -> bytes:
        made = self._decoder.decode(line)
        found = self._get(made)
        lacking = sum([value is _LACKING for value in self._unread(made)])
        if line.count(b":") != self._keys - lacking:  # nearly always: each field once, and no value with a colon
            json.loads(line, object_pairs_hook=_check_once)
        begins = b",".join(found[: self._values])
        is_cut = begins.count(b",") >= max(self._values, 1)  # by a comma in a text
        if is_cut or BACKSLASH in begins or b"null" in begins or b"{" in begins or b"[" in begins:
            begins = b",".join([_quoted(_cell(value)) for value in found[: self._values]])
        else:
            begins = begins.replace(STRING, b"")
        if not self._words:
            return begins + b"\n"
        rows = b""
        for word, entries in zip(self._words, found[self._values :], strict=True):
            rows += _entries_as_rows(b"%b,%b" % (begins, word), bytes(entries))
        return rows


class _Unexpected(ValueError):
    """What is JSON, and not what was described."""


def _entries_as_rows(begins: bytes, text: bytes) -> bytes:
    """One row for each ``["1.5","2"]``: where a program wrote them as texts, without blanks, there is little to do."""
    if text == b"[]":
        return b""
    commas = text.count(b'","') + text.count(b'"],["')  # others are in a text
    if text.startswith(FIRST_ENTRY) and text.endswith(LAST_ENTRY) and text.count(b",") == commas:
        rows = text[3:-3].replace(b'"],["', b"\n" + begins).replace(b'","', b",")
        if STRING not in rows and BACKSLASH not in rows:
            return b"%b%b\n" % (begins, rows)
    entries = _entries.decode(text)
    return b"".join([begins + b",".join([_quoted(_cell(value)) for value in entry]) + b"\n" for entry in entries])


def _cell(value: msgspec.Raw) -> bytes:
    """Return a value as the text of a cell: what is in the quotes of a text, a number as it is written."""
    text = bytes(value)
    if text.startswith(STRING):
        return text[1:-1] if BACKSLASH not in text else _unescaped(text)
    if text == b"null":
        return b""
    if text.startswith(NESTED):
        raise _Unexpected(f"there is {text[:20].decode('utf-8', 'replace')} where a value is wanted")
    return text


def _quoted(text: bytes) -> bytes:
    """Return a text as a cell, in quotes where a parser would cut it."""
    return b'"%b"' % text.replace(b'"', b'""') if b"," in text or STRING in text else text


def _unescaped(text: bytes) -> bytes:
    found: str = msgspec.json.decode(text)
    if not found.isprintable():
        raise _Unexpected(f"the value {text[:40].decode('utf-8', 'replace')} has a character that no cell can hold")
    return found.encode()


def _getter(places: Sequence[str]) -> Callable[[object], tuple[msgspec.Raw, ...]]:
    if len(places) > 1:
        return attrgetter(*places)
    getters = [attrgetter(place) for place in places]  # one of them, or none
    return lambda made: tuple([get(made) for get in getters])


def _check_once(pairs: list[tuple[str, object]]) -> None:
    names = [name for name, _ in pairs]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise _Unexpected(f"Object has the field `{twice[0]}` twice")


# ---- the fields of an object


def _tree(names: Sequence[str]) -> tuple[Tree, int]:
    """Return the fields by object, and how many names a line has."""
    tree: Tree = {}
    for name in names:
        if NO_NAME.search(name):
            raise BadFields(
                f"{name!r} has a quote, a backslash or a control character in it, which no field is read by"
            )
        at, parts = tree, name.split(".")
        for part in parts[:-1]:
            at = at.setdefault(part, {})
            if at is None:
                raise BadFields(f"{name!r} is in {part!r}, which is a value itself")
        if "" in parts or parts[-1] in at:
            raise BadFields(f"{name!r} is no field, or one that is there twice")
        at[parts[-1]] = None
    return tree, _count(tree)


def _count(tree: Tree) -> int:
    return len(tree) + sum(_count(inner) for inner in tree.values() if inner)


def _struct(tree: Tree, may_lack: Sequence[str], within: str = "") -> type[msgspec.Struct]:
    """An object with exactly these fields, whatever they are called."""
    fields = [
        (
            f"f{at}",
            msgspec.Raw if inner is None else _struct(inner, may_lack, f"{within}{name}."),
            _LACKING if f"{within}{name}" in may_lack else msgspec.NODEFAULT,
        )
        for at, (name, inner) in enumerate(tree.items())
    ]
    names = {f"f{at}": name for at, name in enumerate(tree)}
    return msgspec.defstruct("Object", fields, rename=names, forbid_unknown_fields=True, gc=False, kw_only=True)


def _place(tree: Tree, name: str) -> str:
    found = []
    for part in name.split("."):
        found.append(f"f{list(tree).index(part)}")
        tree = tree[part] or {}
    return ".".join(found)

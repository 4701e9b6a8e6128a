"""Patterns made of the parts of a template, and what they find in a path."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pointline.vendors.paths.grammar import ANYTHING, LONGEST, SHORTEST, UNTIL, Piece, packed
from pointline.vendors.paths.written_out import shortened

NAMED = re.compile(r"\?P<[^>]+>")
NAMED_GROUP = re.compile(r"(\(\?P<[^>]+>)(.*)\)")


def ways(pieces: Sequence[Piece], before: str = "") -> list[re.Pattern[str]]:
    """Return the patterns of these parts by which each takes as little as it can, and as much; one where all is fixed.

    What both read alike can be read in one way alone.
    """
    patterns = [pattern for _, pattern in pieces]
    both = [patterns, list(map(_the_other_way, patterns))]
    return [re.compile(before + "".join(one), re.DOTALL) for one in (both[:1] if both[0] == both[1] else both)]


def _the_other_way(pattern: str) -> str:
    """Return a part of a pattern that takes what it can in the other order."""
    if pattern == ANYTHING["*"]:
        return f"{pattern}?"
    found = NAMED_GROUP.fullmatch(pattern)
    if found is None or found[1].startswith(("(?P<time_", f"(?P<{UNTIL}__")):
        return pattern
    inner = LONGEST if found[2] == SHORTEST else "|".join(reversed(found[2].replace("]+", "]+?").split("|")))
    return f"{found[1]}{inner})"


def readings(ways: Sequence[re.Pattern[str]], text: str) -> list[dict[str, str]]:
    """Return the groups of a text, once for each way to read it."""
    found: list[dict[str, str]] = []
    for way in ways:
        match = way.fullmatch(text)
        if match is None:
            return found
        if match.groupdict() not in found:
            found.append(match.groupdict())
    return found


def gap(pieces: Sequence[Piece], text: str, before: str = "") -> tuple[int, str]:
    """Return how many letters of a template fit, part by part, and which part does not."""
    fits = 0
    while fits < len(pieces):
        pattern = "".join(piece for _, piece in pieces[: fits + 1])
        if re.match(before + pattern, text, re.DOTALL) is None:
            break
        fits += 1
    letters = sum(len(piece) for piece, _ in pieces[:fits] if not piece.startswith(("*", "/**")))
    if fits == len(pieces):
        return letters, f"there is more after {pieces[-1][0]}" if pieces else "it is in a folder"
    after = f" after {shortened(pieces[fits - 1][0])}" if fits else ""
    return letters, f"there is no {shortened(pieces[fits][0])}{after}"


def stem(pieces: Sequence[Piece]) -> list[Piece]:
    """Leave out the ending: a last choice of words without a name, and what is behind the last dot."""
    found = list(pieces)
    if found and found[-1][0].startswith("{") and "|" in found[-1][0] and ":" not in found[-1][0]:
        found.pop()
    if found and "." in found[-1][0] and not found[-1][0].startswith(("{", "*")):
        text = found.pop()[0].partition(".")[0]
        found += [(text, re.escape(text))] if text else []
    return found


def endings(pieces: Sequence[str]) -> frozenset[str] | None:
    """Return what may stand behind the last dot of a name, in small letters; None where that can be anything."""
    last = pieces[-1] if pieces else ""
    if last.startswith("*") or ":" in last or (last.startswith("{") and "|" not in last):
        return None
    words = packed(last[1:-1].split("|")) if last.startswith("{") else [last]
    whole = [word if "." in word else "".join(pieces[-2:-1]) + word for word in words]
    has_dots = all("." in word and not word.startswith(("{", "*")) for word in whole)
    return frozenset(word.rpartition(".")[2].lower() for word in whole) if has_dots else None

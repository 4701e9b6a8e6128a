"""The settings that tell names in bronze: globs of what to stay away from, and patterns of layouts of one's own."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence

from pointline.errors import ConfigurationError
from pointline.settings import PATTERN_GROUPS

_PREFIX_GLOB = re.compile(r"[^*?\[]+\*")
_SUFFIX_GLOB = re.compile(r"\*[^*?\[]+")
_PLAIN_NAME = re.compile(r"[^*?\[]+")


def name_filter(globs: Sequence[str]) -> Callable[[str], bool]:
    """Matches a name against all globs; nearly all are ``prefix*``, ``*suffix`` or a plain name."""
    lower = [glob.lower() for glob in globs]
    prefixes = tuple(glob[:-1] for glob in lower if _PREFIX_GLOB.fullmatch(glob))
    suffixes = tuple(glob[1:] for glob in lower if _SUFFIX_GLOB.fullmatch(glob))
    names = frozenset(glob for glob in lower if _PLAIN_NAME.fullmatch(glob))
    shapes = (_PREFIX_GLOB, _SUFFIX_GLOB, _PLAIN_NAME)
    others = [glob for glob in lower if not any(shape.fullmatch(glob) for shape in shapes)]
    pattern = re.compile("|".join(map(fnmatch.translate, others))) if others else None

    def matches(name: str) -> bool:
        name = name.lower()
        if name in names or name.startswith(prefixes) or name.endswith(suffixes):
            return True
        return pattern is not None and pattern.match(name) is not None

    return matches


def compile_patterns(patterns: Sequence[str], ignore: Sequence[str]) -> list[re.Pattern[str]]:
    """Return the patterns of the settings. Raises ConfigurationError with all faults of them and ``ignore``."""
    compiled: list[re.Pattern[str]] = []
    problems = [
        f"bronze.ignore: {glob!r} can never match: each name in a path is looked at by itself, without '/'"
        for glob in ignore
        if "/" in glob
    ]
    for text in patterns:
        try:
            pattern = re.compile(text)
        except re.error as error:
            problems.append(f"bronze.patterns: {text!r} is not a regular expression: {error}")
            continue
        missing = [group for group in PATTERN_GROUPS if group not in pattern.groupindex]
        if missing:
            problems.append(f"bronze.patterns: {text!r} lacks the named groups {', '.join(missing)}")
        compiled.append(pattern)
    if problems:
        raise ConfigurationError(problems)
    return compiled

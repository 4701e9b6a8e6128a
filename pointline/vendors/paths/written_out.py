"""Templates of paths as people read them, and as they would write such a path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pointline.vendors.paths.time_of_path import FROM_ZERO, SPANS, read_times

if TYPE_CHECKING:
    from pointline.vendors.paths.template import PathTemplate

MOST_NAMED = 3
NAMED_FIELD = re.compile(r"\{(\w+)[^{}]*\}")
FIRST_OF_WORDS = re.compile(r"\{\w+:([^{}%*|]+)\|[^{}%*]*\}")
ALL_WORDS = re.compile(r"\{\w+:([^{}%*|]+(?:\|[^{}%*|]+)+)\}")
ONE_WORD = re.compile(r"\{\w+:([^{}%*|]+)\}")
UNNAMED_WORDS = re.compile(r"\{([^{}:|]+)\|[^{}:]*\}")
PART_OF_TIME = re.compile(r"\{\w+:([^{}]*%[^{}]*)\}")
LONG_LIST = re.compile(r"\{(\w+):[^{}%|]*(?:\|[^{}%|]*){3,}\}")


def first_of(names: Sequence[str]) -> str:
    """``a, b, c and 7 more``: the first of many feeds."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def shortened(text: str) -> str:
    """Return a template for people: long lists of words are left out."""
    return LONG_LIST.sub(r"{\1}", text)


def written_out(text: str) -> str:
    """Return a template as a person would write such a path: the first of the words, and names in capitals."""
    words = UNNAMED_WORDS.sub(r"\1", FIRST_OF_WORDS.sub(r"\1", shortened(text)))
    return NAMED_FIELD.sub(lambda found: found[1].upper(), words)


def path_for(template: PathTemplate, name: str) -> str:
    """Return how a path of a template is written, for a file of this name where it fits; ``(a|b)`` is one of them."""
    folders = template.folder_text.replace("/**", "").replace("*{", "{").replace("}*", "}")
    said = template.said_by_name(name)
    whole = f"{folders}/{name if said else template.name_text}".lstrip("/").replace("{csv}", "csv")
    for field, value, how in [*said, ("span", SPANS.get(template.span, ""), "")]:
        if how:
            whole = _dated(whole, value, how)
        elif value:
            whole = re.sub(rf"\{{{field}(?::[^{{}}]*)?\}}", lambda _: value, whole)  # noqa: B023 - it is called at once
    whole = ONE_WORD.sub(r"\1", UNNAMED_WORDS.sub(r"\1", whole))
    return NAMED_FIELD.sub(lambda one: one[1].upper(), ALL_WORDS.sub(r"(\1)", shortened(whole)))


def _dated(text: str, value: str, format_: str) -> str:
    """Write the parts of the time in folders as the name says them."""
    begins = read_times({}, [value], [format_]).begins if "%Y" in format_ else None
    if begins is None:
        return text
    return PART_OF_TIME.sub(
        lambda part: f"{begins.month - 1:02}" if part[1] == FROM_ZERO else begins.strftime(part[1]), text
    )

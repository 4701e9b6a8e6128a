"""Words that the product does not use, and what it says instead: one thing has one name, in plain English."""

from __future__ import annotations

import re
from typing import Final

WORDS: Final[tuple[tuple[str, str], ...]] = (
    (r"\b(?:set|put)s?\b(?: \w+){0,2} aside\b|\b(?:sett|putt)ing\b(?: \w+){0,2} aside\b", "quarantined"),
    (r"\b(?:nothing|none|what|little) (?:is |was )?made of (?:it|them|him|that)\b", "quarantined, not read"),
    (r"\bsum(?:s|med|ming)?\b(?: \w+){0,4} up\b", "checkpoint the log"),
    (r"\btend(?:s|ed|ing)?\b(?! to\b)", "compact, vacuum or checkpoint; maintain"),
    (r"\blook(?:s|ed|ing)? after\b", "maintain"),
    (r"\b(?:lays?|laid|laying) out\b", "compact"),
    (r"\b(?:merg\w+|small|compacted|removed|orphaned) parts?\b", "data file"),
    (r"\bparts? (?:of|in) (?:one|the|a|each) partition\b", "data file"),
    (r"\bparts? of the (?:daemon|process)\b|\b(?:every|each) part (?:runs|turns|has)\b", "thread or component"),
    (r"\b(?:taken|takes|took|take) (?:up )?by (?:itself|themselves)\b|\btaken up\b", "is ingested automatically"),
    (r"\bst(?:ands?|ood|anding)\b(?: \w+){0,2} still\b", "size and mtime have not changed for N seconds"),
    (r"\ball agrees\b|\bnothing found\b", "no problems found"),
    (r"\bwish(?:es)?\b", "options, selection or filter"),
    (r"\bhow (?:it|the daemon|the lake) is\b(?! \w+(?:ed|en|pt)\b)|\bask(?:s|ed)? how\b", "check its status; health"),
    (r"\bis meant by (?:that|it)\b", "matches"),
    (r"\b(?:known|taken) for that\b", "detected"),
    (r"\bstands? worst\b|\bas (?:the file|it) stands\b", "the file's status; the worst status"),
    (r"\bmust not end\b", "died"),
    (r"\bleaves? for the service manager\b|\ba second one leaves\b", "exits"),
    (r"\bin all the same\b", "in the lake"),
    (r"\bto be had\b", "available"),
    (r"\baway with\b", "remove"),
    (r"\bthe word\b(?= (?:of|for) (?:the )?(?:health|daemon|lake))", "status, health"),
)  # fmt: skip
"""Regular expressions, compared without case, and what to say instead of what they find."""


ANY: Final = re.compile("|".join(pattern for pattern, _ in WORDS), re.IGNORECASE)


def unwanted(text: str) -> list[str]:
    """Return each use of such a word, with what to say instead."""
    line = " ".join(text.split())
    if ANY.search(line) is None:
        return []
    return [
        f"{found.group()!r}: say {instead!r}"
        for pattern, instead in WORDS
        for found in re.finditer(pattern, line, re.IGNORECASE)
    ]

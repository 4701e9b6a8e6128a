"""The names of all rules that a row of ``quarantine`` may have broken, each in a sentence."""

from __future__ import annotations

from typing import Final

from pointline.tables.registry import event_tables

RULES: Final = {
    "ragged": "the line has more or fewer cells than the header",
    "broken_line": "the line is no JSON, or not the object that the feed describes",
    "nul_byte": "the line holds a zero byte",
    "not_utf8": "the line is not UTF-8 text",
    "unparseable": "a cell is not a number, time or flag as the column needs it",
    "skipped_by_clocks": "a local time that does not exist, because clocks were put forward",
    "repeated_by_clocks": "a local time that comes twice, because clocks were put back; nobody said which is meant",
    "unknown_value": "a cell is none of the words that the column may hold",
    "missing": "a cell that must have a value is empty",
    "non_finite": "a number is infinite or not a number (in a list of symbols the rule is not_finite)",
    "invisible_character": "exchange or symbol holds a character that cannot be seen",
    "other_exchange": "the row is of another exchange than the file's path says",
    "other_symbol": "the row is of another symbol than the file's path says",
    "time_in_seconds": "a time is in seconds, not in microseconds",
    "time_in_milliseconds": "a time is in milliseconds, not in microseconds",
    "time_in_nanoseconds": "a time is in nanoseconds, not in microseconds",
    "implausible_time": "a time is before the year 2000 or after 2199",
    "outside_day": "local_timestamp is outside the day that the file's path says",
    "time": "list of symbols: a time cannot be read",
    "window": "list of symbols: valid_until is not after valid_from, or two windows of a symbol overlap",
    "not_finite": "list of symbols: a number is infinite or not a number (elsewhere the rule is non_finite)",
    "not_positive": "list of symbols: a step or size is zero or negative",
    "contradiction": "list of symbols: two rows contradict each other",
}
"""Rules that always hold. A check is a rule too where a setting ``checks.NAME`` is ``quarantine``."""


def rule_names() -> list[str]:
    """Return the names of all rules, those of checks included."""
    checks = {check.name for table in event_tables().values() for check in table.checks}
    return [*RULES, *sorted(checks)]

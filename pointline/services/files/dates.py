"""Dates that a stretch of time covers."""

from __future__ import annotations

import datetime as dt


def moment(at_us: int) -> dt.datetime:
    """Return a time in microseconds since the epoch as a moment, cut to its second, UTC."""
    return dt.datetime.fromtimestamp(at_us // 1_000_000, dt.UTC)


def days_between(first: dt.datetime, last: dt.datetime) -> list[dt.date]:
    """Return the dates from one moment to another."""
    return [first.date() + dt.timedelta(days=ahead) for ahead in range((last.date() - first.date()).days + 1)]

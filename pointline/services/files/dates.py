"""Dates that a stretch of time covers."""

from __future__ import annotations

import datetime as dt


def days_between(first: dt.datetime, last: dt.datetime) -> list[dt.date]:
    """Return the dates from one moment to another."""
    return [first.date() + dt.timedelta(days=ahead) for ahead in range((last.date() - first.date()).days + 1)]

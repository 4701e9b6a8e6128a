"""What is left of a file whose feed prefers another one for some of its days, such as a daily file to a monthly one."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from pointline.io.protocols import LEFT_TO, Outcome


def thinned(outcome: Outcome, given_up: Mapping[str, int]) -> Outcome:
    """Return an outcome without the rows of some days; ``given_up`` is the other file by date."""
    days = dict(outcome.days if outcome.days is not None else dict.fromkeys(given_up, outcome.rows_written or 0))
    left = {f"{LEFT_TO}{by}:{date}": days.pop(date) for date, by in given_up.items() if date in days}
    rows = sum(left.values())
    return replace(
        outcome,
        days=days,
        rows_read=(outcome.rows_read or 0) - rows,
        rows_written=(outcome.rows_written or 0) - rows,
        warnings={**(outcome.warnings or {}), **left},
    )

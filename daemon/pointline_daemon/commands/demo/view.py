"""What a person sees of the demonstration: a table that fills on a terminal, a line per file on a pipe."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct

from pointline.phrases import count, plural, printable
from pointline_daemon.commands.shared.present import is_terminal, make_console, print_lines

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table


class _Tally(Struct):
    files: int = 0
    rows: int = 0
    set_aside: int = 0
    last_ms: float = 0.0


class Arrivals:
    """Counts the files that came out in silver and shows them as they come. Use as a context manager."""

    def __init__(self, expected: Mapping[str, int]) -> None:
        self._expected = expected
        self._by_table: dict[str, _Tally] = {table: _Tally() for table in sorted(expected)}
        self._waits_ms: list[float] = []
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if is_terminal():
            from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

            self._live = Live(self._render(), console=make_console(), auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def add(self, event: Mapping[str, Any], waited_ms: float) -> None:
        """A file was reported ``waited_ms`` after it was renamed into place."""
        tally = self._by_table.setdefault(str(event["table"]), _Tally())
        tally.files += 1
        tally.rows += int(event["rows_written"] or 0)
        tally.set_aside += int(event["rows_quarantined"] or 0)
        tally.last_ms = waited_ms
        self._waits_ms.append(waited_ms)
        if self._live is not None:
            self._live.update(self._render(), refresh=True)
            return
        what = f"{event['table']:<20}{event['exchange']} {event['symbol']} {event['date']}"
        note = f", {count(event['rows_quarantined'])} quarantined" if event["rows_quarantined"] else ""
        note = note or ("" if event["rows_written"] else ", its days are in")
        print_lines([printable(f"  {what:<62}{plural(event['rows_written'], 'row'):>12} {waited_ms:6.0f} ms{note}")])

    def summary(self) -> str:
        """Return the run in one line."""
        rows = sum(tally.rows for tally in self._by_table.values())
        typical = statistics.median(self._waits_ms) if self._waits_ms else 0.0
        return (
            f"{plural(len(self._waits_ms), 'file')}, {plural(rows, 'row')}; "
            f"from rename to committed row in {typical:.0f} ms (median)"
        )

    def _render(self) -> Table:
        from rich.table import Table  # noqa: PLC0415 - only a terminal needs it

        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        table.add_column("table", min_width=20)
        for title in ("files", "rows", "quarantined", "last file took"):
            table.add_column(title, justify="right")
        for name, tally in self._by_table.items():
            due = self._expected.get(name, tally.files)
            table.add_row(
                name,
                f"{tally.files}/{due}",
                count(tally.rows),
                count(tally.set_aside) if tally.set_aside else "",
                f"{tally.last_ms:.0f} ms" if tally.files else "",
                style="green" if tally.files >= due else None,
            )
        return table

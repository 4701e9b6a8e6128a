"""What a scan finds in bronze, held against the ledger."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import structlog
from msgspec.structs import replace

from pointline.services.ingest.departure import Departures
from pointline.services.ingest.effects import IngestService
from pointline.vendors.feeds import Feeds
from pointline_daemon import events

log = structlog.get_logger()


class Comparison:
    """Asks the service for the rescanner. Used by its thread."""

    def __init__(self, service: Callable[[], IngestService], feeds: Feeds) -> None:
        self._service = service
        self._feeds = feeds

    def asks(self, known: pl.DataFrame) -> list[str]:
        """Return the paths that have to be looked for, whatever the scan finds."""
        return self._service().absence.asked_of_bronze(known, self._feeds.beside)

    def compare(self, survey: pl.DataFrame, known: pl.DataFrame) -> Departures:
        """Return which files are gone and which are read again; checksums that came late are checked first."""
        service = self._service()
        mismatches, right = service.absence.check_late_checksums(self._feeds.feed)
        for path, wrong in mismatches.items():
            hint = "download both again; `pointline withdraw` takes the rows out"
            log.warning(events.FILE_CHECKSUM_MISMATCH, path=path, what=wrong, hint=hint)
        found = service.absence.compare(survey, known)
        beside = service.absence.compare_beside(self._feeds.beside)
        return replace(
            found, freed={**found.freed, **beside.freed, **right}, regained={**found.regained, **beside.regained}
        )

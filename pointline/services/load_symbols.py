"""Step 2 for files of instruments: what they say of symbols is kept for the commit. They make no parts."""

from __future__ import annotations

import time

from pointline.io.protocols import BronzeContent, Outcome
from pointline.services.batch import Entry, start_of_day
from pointline.services.group_load import GroupLoad
from pointline.tables.dim_symbol_metadata import read_metadata
from pointline.tables.ingest_manifest import Status


class SymbolsLoad(GroupLoad):
    """Loads files of symbol metadata. Those without times of their own hold from the day that their path names."""

    def _load_content(self, entry: Entry, content: BronzeContent) -> None:
        data = content.whole()
        if not self._is_first(entry, content.content_hash, has_rows=bool(data)):
            return
        rows = 0
        if data:
            started = time.perf_counter()
            found = read_metadata(data, exchange=entry.meta.exchange, effective_at=start_of_day(entry))
            self._parse_s += time.perf_counter() - started
            self._result.symbols[entry.file_id] = found
            rows = found.updates.height
        self._result.outcomes[entry.file_id] = Outcome(
            file_id=entry.file_id,
            status=Status.SUCCESS,
            content_hash=content.content_hash,
            rows_read=rows,
            rows_written=rows,
        )

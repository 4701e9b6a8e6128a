"""What everybody who writes a lake does first: mend what a power cut left, create what is missing, recover."""

from __future__ import annotations

import structlog

from daemon import events
from daemon.lake import Lake
from pointline.services.recovery import recover

log = structlog.get_logger()


def prepare(lake: Lake) -> None:
    """Bring a lake into the state that ingest starts from. For the holder of the writer's lock."""
    for found in lake.mend():
        log.error(
            events.COMMIT_SET_ASIDE,
            table=found.table,
            file=found.file,
            reason=found.reason,
            kept_at=str(found.kept_at),
            hint="nothing to do: what it held is ingested again",
        )
    lake.create()
    recovered = recover(lake.manifest, lake.quarantine, lake.batch_tables)
    symbols = lake.symbol_service()
    symbols.catch_up(lake.next_batch())
    symbols.refresh()
    if recovered.outcomes or recovered.forgotten:
        log.warning(events.RECOVERY_FINISHED, brought_up=len(recovered.outcomes), forgotten=recovered.forgotten)

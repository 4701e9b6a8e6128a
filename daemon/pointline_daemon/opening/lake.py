"""The composition root: where Protocols meet their adapters. Nothing else chooses one."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress

from msgspec import Struct, field

from pointline.config import Config
from pointline.errors import NoAccess, PointlineError
from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.clock import Clock
from pointline.io.content.file_reader import FileReader
from pointline.io.delta.event_table import DeltaBatchTable, DeltaEventTable, DeltaQuarantine
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log.format_in_log import require_known_log
from pointline.io.delta_log.mend import MovedAway, mend_table, move_wrong_kinds
from pointline.io.durable import make_folder
from pointline.io.health import LogFault, PartFiles, log_faults
from pointline.io.lake_links import refuse_link_to_nothing
from pointline.io.ledger.last_id import LastId
from pointline.io.ledger.manifest import DeltaManifest
from pointline.io.symbols.observations import DeltaObservations
from pointline.io.symbols.table import DeltaSymbolTable
from pointline.services.files.claims import Claims
from pointline.services.files.place.decide import Policy
from pointline.services.ingest.effects import IngestService
from pointline.services.loading.load import Loader
from pointline.services.symbols.changes import Symbols
from pointline.settings import values_of
from pointline.tables import dim_symbol, ingest_manifest, quarantine
from pointline.tables.schema import EventTable
from pointline.tables.symbols import observations as symbol_observations
from pointline_daemon.opening.bronze_access import make_reader, make_source
from pointline_daemon.opening.open_files import most_written

ONCE_ATTEMPTS = 3
CREATED_AT_ONCE = 4


def now_us() -> int:
    """Return microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


class Lake(Struct, frozen=True, kw_only=True):
    """The adapters of one lake."""

    config: Config
    tables: dict[str, EventTable]
    source: FolderBronzeSource
    reader: FileReader
    manifest: DeltaManifest
    quarantine: DeltaQuarantine
    events: dict[str, DeltaEventTable]
    observations: DeltaObservations
    symbols: DeltaSymbolTable
    clock: Clock = field(default_factory=Clock)

    @property
    def batch_tables(self) -> dict[str, DeltaBatchTable]:
        """The tables that files go into, by data type."""
        return {**self.events, dim_symbol.INSTRUMENTS: self.observations}

    @property
    def files(self) -> PartFiles:
        """The data files of the tables, as files."""
        return PartFiles(self.config.paths.silver, self.config.paths.state)

    def mend(self) -> list[MovedAway]:
        """Move away what a power cut left half written. For the writer's lock holder, before anything is read.

        Raises NewerFormat, and touches nothing, where a later release wrote one of the tables.
        """
        used = [table for table in self.repositories() if not table.is_as_made()]  # of the others the log is sound
        for table in used:
            require_known_log(table.path)
        keep_in = self.config.paths.state / "set_aside"
        ledger = self.manifest.repository
        mended = [moved for table in self.repositories() for moved in move_wrong_kinds(table.path, keep_in)]
        mended += mend_table(ledger.path, keep_in, is_made_up_for=True)
        recorded = ledger.last_batch() if ledger.exists() else -1
        derived = (self.observations.states, self.symbols)  # made from observations: what is lost is made again
        for table in used:
            if table in derived:
                mended += mend_table(table.path, keep_in)
            elif table is not ledger:
                # A ledger that is gone, or made anew, cannot say which batches a copy of the table lacks.
                mended += mend_table(table.path, keep_in, recorded_batch=recorded, is_made_up_for=recorded >= 0)
        return mended

    def torn_entries(self) -> list[LogFault]:
        """Return the newest entries of logs that ``mend`` would move away."""
        ledger = self.manifest.repository
        recorded = -1
        with suppress(PointlineError, ValueError, KeyError, TypeError, OSError):
            recorded = ledger.last_batch() if ledger.exists() else -1
        used = [table for table in self.repositories() if table.path.is_dir() and not table.is_as_made()]
        return [
            fault
            for table in used
            for fault in log_faults(table.path, recorded_batch=-1 if table is ledger else recorded)
            if fault.is_mendable
        ]

    def require_known_format(self, *, shut_ones_too: bool = True) -> None:
        """Raise NewerFormat where a later release wrote one of the tables.

        Without ``shut_ones_too`` a log that may not be read is passed over: whoever only looks names it as a finding.
        """
        for repository in self.repositories():
            with nullcontext() if shut_ones_too else suppress(NoAccess):
                require_known_log(repository.path)

    def create(self) -> None:
        """Create what a lake consists of, where it is missing, and upgrade the tables of an older release.

        For the holder of the writer's lock.
        """
        bronze = self.config.paths.bronze
        refuse_link_to_nothing(bronze)
        make_folder(bronze)
        self.manifest.repository.create()  # every command looks at it: from now on those of an older release refuse
        with ThreadPoolExecutor(CREATED_AT_ONCE) as pool:  # most of it is waiting for the disk
            list(pool.map(lambda repository: repository.create(), self.repositories()))

    def repositories(self) -> list[DeltaTableRepository]:
        """Return all tables."""
        made = (self.observations.states, self.symbols)
        return [self.manifest.repository, self.quarantine, *self.batch_tables.values(), *made]

    def symbol_service(self) -> Symbols:
        """Return what changes ``dim_symbol``. For the holder of the writer's lock, or to see what would be changed."""
        return Symbols(
            observations=self.observations,
            table=self.symbols,
            manifest=self.manifest,
            max_missing_share=self.config.symbols.max_missing_share,
            clock=now_us,
        )

    def next_batch(self) -> int:
        """Return the number of the next batch."""
        batches = [table.last_batch() for table in self.batch_tables.values()]
        return 1 + max(self.manifest.last_batch(), self.quarantine.last_batch(), *batches)

    def ingest(self, *, once: bool = False) -> tuple[IngestService, Loader]:
        """Return the service and its loader; the two share the claims on contents.

        With ``once`` nobody is there to wait for the rest of an unfinished file, and tries are few.
        """
        settings = self.config.ingest
        claims = Claims()
        service = IngestService(
            manifest=self.manifest,
            quarantine=self.quarantine,
            repositories=self.events,
            symbols=self.symbol_service(),
            reader=self.reader,
            claims=claims,
            policy=Policy(
                overlap=settings.overlap,
                max_attempts=min(settings.max_attempts, ONCE_ATTEMPTS) if once else settings.max_attempts,
                max_deaths=settings.max_attempts,
                unfinished_us=0 if once else int(settings.unfinished_seconds * 1_000_000),
                min_replacement_share=settings.min_replacement_share,
                groups=self.config.bronze.groups,
                rank_of=self.source.feeds.rank,
                period_of=self.source.feeds.period,
            ),
            age_us=self.clock.age_us,
        )
        loader = Loader(
            feeds=self.source.feeds,
            repositories=self.events,
            reader=self.reader,
            claims=claims,
            checks=values_of(self.config.checks),
            groups=self.config.bronze.groups,
            max_quarantined_share=settings.max_quarantined_share,
            most_open=most_written(2 * settings.workers),  # a group may have a file of many days beside its others
        )
        return service, loader


def open_lake(
    config: Config,
    *,
    on_trouble: Callable[[str, Exception], None] = lambda _path, _error: None,
    on_problem: Callable[[str], None] | None = None,
) -> Lake:
    """Assemble the adapters of a lake. Touches nothing on disk.

    Raises ConfigurationError where its descriptions of vendors make no sense; see ``make_layout`` for ``on_problem``.
    """
    paths = config.paths
    source = make_source(config, on_trouble=on_trouble, on_problem=on_problem)
    tables = source.feeds.tables
    return Lake(
        config=config,
        tables=tables,
        source=source,
        reader=make_reader(config, source),
        manifest=DeltaManifest(paths.table(ingest_manifest.NAME), now_us, LastId(paths.last_id_file)),
        quarantine=DeltaQuarantine(paths.table(quarantine.NAME)),
        events={name: DeltaEventTable(paths.table(name), table) for name, table in tables.items()},
        observations=DeltaObservations(
            paths.table(symbol_observations.NAME),
            DeltaTableRepository(paths.table(symbol_observations.STATES_NAME), symbol_observations.STATES_SCHEMA),
        ),
        symbols=DeltaSymbolTable(paths.table(dim_symbol.NAME)),
    )

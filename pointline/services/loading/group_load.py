"""What loading a group has in common, whatever its files hold: trouble with a file stays with that file."""

from __future__ import annotations

from abc import ABC, abstractmethod

from msgspec.structs import replace
from polars.exceptions import PanicException

from pointline.errors import PointlineError, Rejected, Transient, WrongChecksum
from pointline.io.protocols.bronze import BronzeContent, BronzeReader
from pointline.io.protocols.file_version import Outcome
from pointline.services.files.claims import Claims
from pointline.services.ingest.batch import Entry, Group, Loaded, Timing
from pointline.tables.ingest_manifest import Checksum, Status
from pointline.tables.spelling import symbol_key

LONGEST_REASON = 500


class GroupLoad(ABC):
    """One group on its way into ``self._result``."""

    def __init__(self, group: Group, *, reader: BronzeReader, claims: Claims) -> None:
        self._reader = reader
        self._claims = claims
        self._result = Loaded(group=group)
        self._parse_s = 0.0
        self._write_s = 0.0

    def run(self) -> Loaded:
        """Load the group. Raises what concerns more than one file; nothing is left behind then."""
        try:
            for entry in self._result.group.entries:
                self._load_entry(entry)
            self._end()
        except BaseException:
            self._undo()
            self._claims.release(entry.file_id for entry in self._result.group.entries)
            raise
        self._result.timing = Timing(parse_ms=self._parse_s * 1000, write_ms=self._write_s * 1000)
        return self._result

    @abstractmethod
    def _load_content(self, entry: Entry, content: BronzeContent) -> None:
        """Load one opened file, which may raise."""

    def _end(self) -> None:  # noqa: B027 - not every group has one
        """Finish what its files share."""

    def _undo(self) -> None:  # noqa: B027 - as above
        """Remove what was written."""

    def _load_entry(self, entry: Entry) -> None:
        try:
            with self._reader.open(entry.meta) as content:
                self._load_content(entry, content)
        except Rejected as error:
            self._reject(entry, error)
        except Transient as error:
            if error.subject != entry.meta.bronze_file_path:
                raise  # not about this file: the lake's disk
            self._result.delays[entry.file_id] = error
            self._claims.release([entry.file_id])
        except (Exception, PanicException) as error:  # noqa: BLE001 - one file's boundary: no content ends the daemon
            self._reject(entry, unexpected(entry, error))

    def _is_first(self, entry: Entry, content_hash: str, *, has_rows: bool) -> bool:
        """Tell whether this file brings its content; else it is noted as a duplicate."""
        meta = entry.meta
        says = self._reader.said_by(meta.bronze_file_path) if meta.feed else None
        holder = self._claims.claim(entry, content_hash, says)
        symbol = symbol_key(meta.symbol) if has_rows else ""
        key = (content_hash, meta.data_type, meta.feed, meta.exchange, str(meta.date), symbol)
        twin = self._result.group.contents.get(key, names_symbol=meta.names_symbol, says=says)
        first = holder if twin is None else twin
        if first != entry.file_id:
            self._duplicate(entry, content_hash, first)
        return first == entry.file_id

    def _reject(self, entry: Entry, error: PointlineError) -> None:
        self._claims.release([entry.file_id])
        self._result.outcomes[entry.file_id] = _refusal(entry, error)

    def _duplicate(self, entry: Entry, content_hash: str, of: int) -> None:
        self._result.outcomes[entry.file_id] = Outcome.duplicate(entry.file_id, content_hash=content_hash, of=of)


def unexpected(entry: Entry, error: BaseException) -> Rejected:
    """Name what no file should be able to cause."""
    path = entry.meta.bronze_file_path
    return Rejected(
        f"{path} cannot be processed: {type(error).__name__}: {error}".partition("\n")[0][:LONGEST_REASON],
        subject=path,
        hint="this is a fault of pointline: report it, with the file",
    )


def refused(group: Group, error: PointlineError) -> Loaded:
    """Return a group none of whose files can be read, for one reason."""
    return Loaded(group=group, outcomes={entry.file_id: _refusal(entry, error) for entry in group.entries})


def _refusal(entry: Entry, error: PointlineError) -> Outcome:
    reason = f"{error}; {error.hint}" if error.hint else str(error)
    refused = Outcome(file_id=entry.file_id, status=Status.QUARANTINED, error=reason)
    if isinstance(error, WrongChecksum):
        return replace(refused, content_hash=error.content_hash, checksum=Checksum.MISMATCH)
    return refused

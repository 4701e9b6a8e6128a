"""How a path in bronze stands to the ledger right now, in a sentence, with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from pointline.errors import NotDescribed
from pointline.io.bronze.whereabouts import Place, Whereabouts
from pointline.phrases import DESCRIBE_AGAIN, UNDESCRIBED
from pointline.services.files.identity.ledger_row import REFUSED
from pointline.services.telling.next_steps import NO_DAEMON, LedgerRow
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status
from pointline.vendors.feeds import Feeds
from pointline_daemon.condition.health import Health

NEXT_STEPS = {
    Place.OUTSIDE: "`pointline vendors try FILE` says what would become of it; copy or hard-link it into bronze to "
    "ingest it",
    Place.IGNORED: "rename it when it is whole, or change bronze.ignore (or ignore_also)",
    Place.FOREIGN: "rename it, or describe its layout in bronze.patterns",
    Place.REFUSED: "move or rename it",
    Place.NOT_A_FILE: "put the file itself there: copy or hard-link it; bronze.follow_links follows links to folders",
    Place.UNREADABLE: "put it where the daemon's user may read it",
    Place.MISSING: "check the spelling; `pointline files` lists the files that are known",
}


SHUT_STEP = "let the daemon's user read it, such as with `chmod a+r`: the daemon tries again by itself"
UNCHANGED = "It is in bronze, unchanged since it was found"
UNREAD = (Status.PENDING, Status.FAILED)


class Presence(Struct, frozen=True, kw_only=True):
    """``what`` is a sentence. ``next_step`` is empty where the story of the newest version says it."""

    what: str
    next_step: str = ""


SHUT = Presence(what="It is in bronze, and you may not read it", next_step=SHUT_STEP)


class Moment(Struct, frozen=True, kw_only=True):
    """What the answer depends on beside the file. ``touched`` are versions known under an older time stamp."""

    now_us: int
    settle_us: int
    rescan_seconds: float
    daemon_runs: bool
    trouble: Health | None = None
    """Of the daemon, where it may take no file."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """``problem`` and ``try`` of descriptions that the daemon does not read files by; see ``Descriptions``."""
    touched: frozenset[tuple[str, int, int]] = frozenset()


def describe_presence(where: Whereabouts, newest: LedgerRow | None, moment: Moment) -> Presence:
    """Say whether the file is in bronze, whether it is the version the ledger knows, and what happens to it."""
    if newest is None:
        return _unknown(where, moment)
    if where.place is Place.MISSING:
        return _gone(newest)
    if where.place not in {Place.TAKEN, Place.REFUSED}:
        return Presence(what=f"Now it {where.what}", next_step=where.advice or NEXT_STEPS[where.place])
    if is_in_place(where, newest):
        return SHUT if where.is_shut and newest["status"] in UNREAD else Presence(what=UNCHANGED)
    if where.size == newest["file_size_bytes"]:
        return _with_another_time(where, moment)
    return _on_its_way("It is in bronze and has changed since it was read", where, moment)


def _with_another_time(where: Whereabouts, moment: Moment) -> Presence:
    if (where.path, where.size, where.mtime_us) in moment.touched:
        return Presence(what="It is in bronze; its time stamp has changed since, its content has not")
    return Presence(
        what="It is in bronze with another time stamp; the next scan compares its content",
        next_step="nothing to do: it is read again only where its content differs",
    )


def is_in_place(where: Whereabouts, row: LedgerRow) -> bool:
    """Tell whether what is at the path has the size and the time stamp of a version."""
    seen = (row["file_size_bytes"], round(row["last_modified_ts"].timestamp() * 1_000_000))
    return seen == (where.size, where.mtime_us)


def without_description(
    where: Whereabouts, newest: LedgerRow, feeds: Feeds, problems: Sequence[str] = ()
) -> Presence | None:
    """Say that what a file was read by is gone from the lake, or wrong, where it is."""
    table, is_in = newest["data_type"], newest["status"] == Status.SUCCESS
    if where.place not in {Place.TAKEN, Place.FOREIGN}:
        return None
    if where.place is Place.FOREIGN and newest["feed"] and problems:
        kept = f"; its rows stay in {table}" if is_in else ""
        what = f"It is in bronze, and a description of the lake is wrong: {problems[0]}{kept}"
        return Presence(what=what, next_step="correct it: `pointline vendors check FILE` says when it is valid")
    if is_in and table not in {*feeds.tables, INSTRUMENTS}:
        what = f"its rows are in {table}, and {UNDESCRIBED}: they cannot be withdrawn or replaced meanwhile"
        return Presence(what=f"It is in bronze; {what}", next_step=DESCRIBE_AGAIN)
    if where.place is Place.FOREIGN and newest["feed"]:
        try:
            feeds.feed(table, newest["feed"], newest["vendor"])
        except NotDescribed as error:
            kept = f"; its rows stay in {table}" if is_in else ""
            return Presence(what=f"It is in bronze, and {error}{kept}", next_step=error.hint)
    return None


def _gone(newest: LedgerRow) -> Presence:
    if newest["status"] == Status.SUCCESS:
        return Presence(what="It is gone from bronze; silver keeps its rows")
    if newest["status"] in REFUSED:
        step = "nothing to do: the next scan notes that it is gone; if the file comes back it is read again"
        return Presence(what="It is gone from bronze; nothing of it is in silver", next_step=step)
    if newest["status"] == Status.WITHDRAWN:
        step = f"nothing to do; to have it in again, put it back, and then `pointline retry {newest['file_id']}`"
        return Presence(what="It is gone from bronze", next_step=step)
    return Presence(what="It is gone from bronze")


def _unknown(where: Whereabouts, moment: Moment) -> Presence:
    if moment.refused and where.place in {Place.TAKEN, Place.FOREIGN}:
        what = f"It is in bronze and not in the ledger; it may wait for this: {moment.refused['problem']}"
        return Presence(what=what, next_step=moment.refused["try"])
    if where.place is Place.TAKEN and where.is_shut:
        return Presence(what="It is in bronze, not in the ledger, and you may not read it", next_step=SHUT_STEP)
    if where.place is Place.TAKEN:
        return _on_its_way(f"It is in bronze and not in the ledger; it {where.what}", where, moment)
    known = "" if where.place in {Place.MISSING, Place.OUTSIDE} else "; nothing of it is in silver"
    return Presence(what=f"It {where.what}{known}", next_step=where.advice or NEXT_STEPS[where.place])


def _on_its_way(what: str, where: Whereabouts, moment: Moment) -> Presence:
    """A version that the ledger does not know yet."""
    still_us = moment.now_us - where.mtime_us
    if 0 <= still_us < moment.settle_us:
        what += (
            f"; it is still changing: its size and mtime have not changed for {still_us / 1e6:.1f} of the "
            f"{moment.settle_us / 1e6:g} seconds of ingest.settle_seconds"
        )
    if not moment.daemon_runs:
        return Presence(what=what, next_step=NO_DAEMON)
    if moment.trouble is not None:
        trouble = moment.trouble
        return Presence(what=f"{what}; the daemon is {trouble.word}: {trouble.reason}", next_step=trouble.next_step)
    return Presence(
        what=what,
        next_step="nothing to do: the daemon ingests it, at the latest at its next scan, one every "
        f"{moment.rescan_seconds:g} seconds",
    )

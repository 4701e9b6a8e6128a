"""How a commit tells what became of files: the names of the facts once, then a list of values for each file.

``pointline_fields`` names the values of each list in ``pointline_outcomes``; a list may be shorter, what is missing at
its end is not known. A reader goes by the names: it passes over those that it does not know, and a fact that a commit
lacks has its default. Lists begin with id and status, by which one file's are found in the bytes of a long log.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from pointline.io.delta_log.commit_log import FIELDS, FIRST_FIELDS, OUTCOMES
from pointline.io.protocols.file_version import BronzeFileMetadata, Discovery, Outcome
from pointline.io.protocols.tables import CommittedBatch
from pointline.tables.ingest_manifest import Status

Facts = Mapping[str, object]
"""What is told of one file, by name."""

CREATED = "created_at_us"
LATER = ("days", "checksum")
"""Facts of an outcome that came to be told later, behind those of the discovery."""
OF_OUTCOME = FIRST_FIELDS[:12]
OF_DISCOVERY = tuple(name for name in FIRST_FIELDS[12:] if name not in {CREATED, *LATER})
_facts_of_outcome, _facts_of_discovery = attrgetter(*OF_OUTCOME), attrgetter(*OF_DISCOVERY)
DATE = OF_DISCOVERY.index("date")
CREATED_AT = FIRST_FIELDS.index(CREATED) - len(OF_OUTCOME)


def telling(outcomes: Sequence[Outcome], found: Mapping[int, Discovery]) -> dict[str, object]:
    """Return what a commit says of outcomes, and of the discovery of those files that come with it."""
    lists = [_told(one, found.get(one.file_id)) for one in outcomes]
    return {FIELDS: list(FIRST_FIELDS), OUTCOMES: lists} if lists else {OUTCOMES: []}


def committed(number: int, told: Iterable[Facts]) -> CommittedBatch:
    """Return the batch of which a commit told these facts."""
    outcomes, found = [], {}
    for facts in told:
        outcome = _outcome(facts)
        outcomes.append(outcome)
        if facts.get(CREATED) is not None:
            found[outcome.file_id] = Discovery(meta=_meta(facts), created_at_us=int(str(facts[CREATED])))
    return CommittedBatch(number=number, outcomes=tuple(outcomes), found=found)


def _told(one: Outcome, found: Discovery | None) -> list[object]:
    facts = [*_facts_of_outcome(one), *_of_discovery(found)]
    if one.days is None and one.checksum is None:
        return facts  # mostly there is no more
    unknown = [None] * (len(FIRST_FIELDS) - len(LATER) - len(facts))
    return [*facts, *unknown, None if one.days is None else dict(one.days), one.checksum]


def _of_discovery(found: Discovery | None) -> list[object]:
    if found is None:
        return []
    facts: list[object] = [*_facts_of_discovery(found.meta)]
    facts.insert(CREATED_AT, found.created_at_us)
    day = facts[DATE]
    facts[DATE] = day if day is None else str(day)
    return facts


def _outcome(facts: Facts) -> Outcome:
    known: dict[str, Any] = {name: facts[name] for name in OF_OUTCOME if name in facts}
    known["status"] = Status(str(known["status"]))
    symbols = known.get("symbols")
    known["symbols"] = None if symbols is None else tuple(symbols)
    known |= {name: facts.get(name) for name in LATER}
    return Outcome(**known)


def _meta(facts: Facts) -> BronzeFileMetadata:
    known: dict[str, Any] = {name: facts[name] for name in OF_DISCOVERY if name in facts}
    day = known.get("date")
    known["date"] = None if day is None else dt.date.fromisoformat(str(day))
    return BronzeFileMetadata(**known)

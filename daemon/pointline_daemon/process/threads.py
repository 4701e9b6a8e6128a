"""The threads of a daemon but the supervisor's and the workers': which there are, and what each of them runs."""

from __future__ import annotations

from collections.abc import Callable

from pointline_daemon.arrival.intake import Intake
from pointline_daemon.condition.state import StatePublisher
from pointline_daemon.process.committing.committer import Committer
from pointline_daemon.process.components import Components
from pointline_daemon.process.part import Part, PartDied

ONCE_TRIES = 5
"""To begin a batch, a second apart: nobody waits for `run --once` until the ledger can be written again."""


def make_threads(components: Components, state: StatePublisher, on_death: Callable[[PartDied], None]) -> list[Part]:
    """Return the threads in the order in which they are stopped: first what brings files, last what commits them.

    For a lake that is recovered.
    """
    rescanner, inbox, flow = components.rescanner, components.inbox, components.flow
    intake, committer = _make_intake(components), _make_committer(components)
    threads = [
        Part("rescanner", rescanner.run, wake=rescanner.wake, on_death=on_death),
        Part("intake", intake.run, wake=inbox.close, on_death=on_death),
        Part("committer", committer.run, wake=flow.wake, on_death=on_death),
        Part("maintenance", components.maintenance.run, wake=lambda: None, on_death=on_death),
    ]
    port = components.lake.config.metrics.port
    if port is not None and not components.once:
        threads.append(_make_web_thread(port, components, state, on_death))
    return threads


def _make_intake(components: Components) -> Intake:
    lake = components.lake
    service, loader = components.ingest
    return Intake(
        inbox=components.inbox,
        flow=components.flow,
        source=lake.source,
        service=service,
        loader=loader,
        pool=components.pool,
        settings=lake.config.ingest,
        clock=lake.clock,
        on_touched=components.touched.add,
        on_unread=components.rescanner.unread.met,
        require_lake=components.lock.require,
        most_tries=ONCE_TRIES if components.once else None,
    )


def _make_committer(components: Components) -> Committer:
    lake = components.lake
    service, loader = components.ingest
    return Committer(
        flow=components.flow,
        service=service,
        loader=loader,
        pool=components.pool,
        on_committed=components.commits.note,
        attempts_of=lake.manifest.attempts_of,
        steps_read=lambda: lake.reader.steps,
        clock=lake.clock.now_us,
        require_lake=components.lock.require,
        waits_for_access=not components.once,
    )


def _make_web_thread(
    port: int, components: Components, state: StatePublisher, on_death: Callable[[PartDied], None]
) -> Part:
    from pointline_daemon.page.board import Board  # noqa: PLC0415 - as below
    from pointline_daemon.page.metrics import Metrics  # noqa: PLC0415 - who sets no port does not pay for the client
    from pointline_daemon.page.web import WebServer  # noqa: PLC0415 - as above

    lake, account = components.lake, components.account
    metrics = Metrics(state=state, account=account, flow=components.flow, ledger=lake.manifest.known_entries)
    web = WebServer(port, state=state, metrics=metrics, board=Board(lake.config, account.minutes))
    return Part("metrics", web.run, wake=web.wake, on_death=on_death)

"""What a running daemon does when a command asks it to: it alone may write."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from pointline.services.ingest.effects import IngestService
from pointline_daemon import events
from pointline_daemon.arrival.rescanner import Rescanner
from pointline_daemon.opening.requests import Answer, Retry, UpdateSymbols, Withdraw
from pointline_daemon.opening.symbol_request import SymbolRequest, answer

log = structlog.get_logger()


class RequestAnswers:
    """Handlers of the request desk. Used by the supervisor's thread."""

    def __init__(self, service: Callable[[], IngestService], rescanner: Rescanner) -> None:
        self._service = service
        self._rescanner = rescanner

    def retry(self, request: Retry) -> Answer:
        count = self._service().put_back(request.file_ids, accepted=request.accept)
        self._rescanner.ask("retry")
        return {"put_back": count}

    def withdraw(self, request: Withdraw) -> Answer:
        withdrawn = self._service().withdraw(request.file_ids)
        log.info(events.FILES_WITHDRAWN, file_ids=withdrawn)
        self._rescanner.ask("withdraw")  # what these were in the way of is pending now
        return {"withdrawn": withdrawn}

    def update_symbols(self, request: UpdateSymbols) -> Answer:
        return answer(self._service().update_symbols(SymbolRequest.from_request(request).told))

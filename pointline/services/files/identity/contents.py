"""Contents that are in the lake: a new file with one of them is a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

import polars as pl

from pointline.io.protocols.bronze import BronzeReader
from pointline.services.files.identity.ledger_row import LedgerRow, has_left, ledger_rows
from pointline.services.files.identity.lookup import with_feed
from pointline.tables.ingest_manifest import DIGEST, Status, stands_at
from pointline.tables.spelling import symbol_key

ContentKey: TypeAlias = tuple[str, str, str, str, str, str]
"""Content hash, data type, feed, exchange, date and the key of the symbol that the path of the *new* file claims."""


class Contents:
    """Contents in the lake, and the files that brought them.

    A file that has left bronze counts only for its own symbol: for any other name, the bytes have to be read. So does
    any file whose rows do not name their symbol: of two symbols without trades the bytes are equal, and no copies.
    Where it is, is asked only when the bytes are equal: of many small files many have one size.
    """

    def __init__(
        self,
        brought: Mapping[tuple[str, ...], Sequence[LedgerRow]] = MappingProxyType({}),
        has_left: Callable[[LedgerRow], bool] = lambda _row: True,
        said_by: Callable[[str], tuple[object, ...]] = lambda _path: (),
    ) -> None:
        self._brought = brought
        self._has_left = has_left
        self._said_by = said_by

    def get(self, key: ContentKey, *, names_symbol: bool = True, says: tuple[object, ...] | None = None) -> int | None:
        """Return the newest file that brought this content. ``names_symbol``: its rows do, not its path alone.

        ``says``: what the path of the new file says of its rows, where paths do.
        """
        *content, symbol = key
        for row in reversed(self._brought.get(tuple(content), ())):
            if says is not None and self._said_by(row.path) != says:
                continue
            if symbol_key(row.symbol) == symbol or (names_symbol and not self._has_left(row)):
                return row.file_id
        return None


def contents_in_lake(asked: pl.DataFrame, standing: pl.DataFrame, reader: BronzeReader) -> Contents:
    """Return the contents in the lake that a file may be a copy of, by its size."""
    same_day = ["exchange", "data_type", "feed", "date", "file_size_bytes"]
    in_lake = standing.filter(stands_at(Status.SUCCESS), pl.col(DIGEST).is_not_null())
    twins = with_feed(in_lake).join(asked, on=same_day, how="semi").sort("file_id")
    days = twins.select(pl.col(name).cast(pl.String) for name in ("data_type", "feed", "exchange", "date"))
    brought: dict[tuple[str, ...], list[LedgerRow]] = {}
    for row, day in zip(ledger_rows(twins), days.iter_rows(), strict=True):
        assert row.content_hash is not None
        brought.setdefault((row.content_hash, *day), []).append(row)
    return Contents(brought, partial(has_left, reader=reader), reader.said_by)

"""What a feed says of files that are no lines of cells: the columns that come of decoding them, and what cannot be."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from pointline.parse.feed import Beside
from pointline.parse.json_lines import LIST, BadFields, JsonLines
from pointline.vendors.language import JSON, FeedText

CELLS_ONLY = {
    "header": "required",
    "separator": ",",
    "quote": True,
    "trim": False,
    "skip": 0,
    "decimal": ".",
    "trailer": "",
    "encoding": "utf-8",
    "header_cut": "",
    "aliases": {},
}
"""Keys of a feed that say how lines are cut into cells, each with what it is where nobody has said it."""


def column_lists(text: FeedText) -> list[list[str]]:
    """Return the lists of columns that files of a feed may have, decoded where they have to be."""
    found = _lists(text.columns)
    if text.lists:
        return [[*one, LIST, *text.entry] for one in found]
    return [[*one, *more] for one in found for more in _lists(text.beside_columns)] if text.beside else found


def _lists(columns: Sequence[str | list[str]]) -> list[list[str]]:
    lists = [one for one in columns if isinstance(one, list)]
    return lists or ([[one for one in columns if isinstance(one, str)]] if columns else [])


def beside_of(text: FeedText) -> Beside | None:
    """Return the file in which each line of a feed's files goes on."""
    widths, widths_there = (
        tuple(sorted({len(one) for one in _lists(columns)})) for columns in (text.columns, text.beside_columns)
    )
    made = (
        Beside(here=here, there=there, widths=widths, widths_there=widths_there) for here, there in text.beside.items()
    )
    return next(made, None)


def check_beside(text: FeedText) -> Iterator[str]:
    """Yield what is wrong with what a feed says of the file beside its own."""
    if not text.beside and not text.beside_columns:
        return
    if len(text.beside) != 1 or not text.beside_columns:
        yield 'beside: say what its name has instead, { orderbook = "message" }, and in beside_columns what is in it'
        return
    [(here, there)] = text.beside.items()
    paths = [text.path] if isinstance(text.path, str) else text.path
    odd = [one for one in paths if one.rpartition("/")[2].count(here) != 1 or not here or here == there]
    if odd:
        yield f"beside: {here!r} has to be in the name of each file once, and something else than {there!r}: {odd[0]!r}"
    if text.skip:
        yield "beside: of two files that belong together no lines can be skipped"
    if text.header != "absent" or text.decoder:
        yield 'beside: lines that go on elsewhere are read of files without a header: say header = "absent"'


def decoder_of(text: FeedText, read: Collection[str]) -> JsonLines | None:
    """Return what makes rows with these columns of a feed's files; None where their lines are rows."""
    if text.decoder != JSON:
        return None
    fields = [one for one in text.columns if isinstance(one, str)]
    return JsonLines(fields, text.lists, text.entry, tuple(read))


def check_decoder(text: FeedText) -> Iterator[str]:
    """Yield what is wrong with what a feed says of its decoder."""
    cells = [name for name, unsaid in CELLS_ONLY.items() if text.decoder and getattr(text, name) != unsaid]
    if text.decoder != JSON:
        if text.lists or text.entry:
            yield 'lists and entry are of lines of JSON: say decoder = "json"'
        if cells:
            yield f"decoder: {cells[0]} is said of files of text: leave it out"
        return
    if any(isinstance(one, list) for one in text.columns):
        yield "columns: lines of JSON have one list of fields"
        return
    if bool(text.lists) != bool(text.entry):
        yield "lists says where the rows are, entry what is in each of them: say both, or neither"
    if cells:
        yield f"{', '.join(cells)}: lines of JSON are not cut into cells"
    try:
        decoder_of(text, ())
    except BadFields as error:
        yield f"columns: {error}"

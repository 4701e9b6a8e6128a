"""What a feed says of files that are no lines of cells: the columns that come of decoding them, and what cannot be."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pointline.parse.json_lines import LIST, BadFields, JsonLines
from pointline.vendors.language import FeedText

CELLS_ONLY = {
    "header": "required",
    "separator": ",",
    "quote": True,
    "trim": False,
    "trailer": "",
    "encoding": "utf-8",
    "header_cut": "",
    "aliases": {},
}
"""Keys of a feed that say how lines are cut into cells, each with what it is where nobody has said it."""


def column_lists(text: FeedText) -> list[list[str]]:
    """Return the lists of columns that files of a feed may have, decoded where they have to be."""
    lists = [one for one in text.columns if isinstance(one, list)]
    found = lists or ([[one for one in text.columns if isinstance(one, str)]] if text.columns else [])
    return [[*one, LIST, *text.entry] for one in found] if text.lists else found


def decoder_of(text: FeedText, read: Collection[str]) -> JsonLines | None:
    """Return what makes rows with these columns of a feed's files; None where their lines are rows."""
    if not text.decoder:
        return None
    fields = [one for one in text.columns if isinstance(one, str)]
    return JsonLines(fields, text.lists, text.entry, tuple(read))


def check_decoder(text: FeedText) -> Iterator[str]:
    """Yield what is wrong with what a feed says of its decoder."""
    if not text.decoder:
        if text.lists or text.entry:
            yield 'lists and entry are of lines of JSON: say decoder = "json"'
        return
    if any(isinstance(one, list) for one in text.columns):
        yield "columns: lines of JSON have one list of fields"
        return
    if bool(text.lists) != bool(text.entry):
        yield "lists says where the rows are, entry what is in each of them: say both, or neither"
    cells = [name for name, unsaid in CELLS_ONLY.items() if getattr(text, name) != unsaid]
    if cells:
        yield f"{', '.join(cells)}: lines of JSON are not cut into cells"
    try:
        decoder_of(text, ())
    except BadFields as error:
        yield f"columns: {error}"

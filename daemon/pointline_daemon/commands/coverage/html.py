"""Coverage as a web page: one file without any external asset, or the fragment that another page embeds.

All names come from files of the vendor, so every text goes through ``escape``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any, Final

import polars as pl

from pointline.phrases import plural, printable
from pointline.services.coverage.asked import RULE
from pointline_daemon.commands.coverage.gaps import grouped, steps, what, where
from pointline_daemon.commands.coverage.maps import TONES, WORDS, Cell, Map, describe, percent, total

SHOWN_GAPS: Final = 100
"""Of each kind."""

STYLE: Final = (
    """
.coverage{--paper:#fff;--ink:#1f2328;--quiet:#6b7280;--blank:#f0f1f3;color:var(--ink);background:var(--paper);
font:14px/1.45 system-ui,sans-serif}
@media(prefers-color-scheme:dark){.coverage{--paper:#14171b;--ink:#e6e8eb;--quiet:#9aa3ad;--blank:#22272e}}
.coverage .maps{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,30em),1fr));gap:1.6em 2.4em}
.coverage h3{font-size:1em;margin:0 0 .4em;overflow-wrap:anywhere}
.coverage h3 small,.coverage .quiet{color:var(--quiet);font-weight:400;font-size:.85em}
.coverage .month{display:grid;grid-template-columns:4.2em repeat(31,1fr) 3.2em;gap:1px;align-items:center}
.coverage .year{display:grid;grid-template-columns:4.2em repeat(12,1fr) 3.2em;gap:1px;align-items:center}
.coverage .year i{aspect-ratio:2.5}
.coverage .year b:last-child{text-align:right}
.coverage .month b,.coverage .year b{font-weight:400;font-size:.75em;color:var(--quiet)}
.coverage .month b:last-child{text-align:right;grid-column:33}
.coverage i{display:inline-block;aspect-ratio:1;min-width:4px;border-radius:2px;background:var(--blank)}
.coverage .legend span{display:inline-block;margin-right:1em}
.coverage .legend i{width:.8em;vertical-align:-.1em;margin-right:.3em}
.coverage .maps{margin-bottom:2em}
.coverage table{border-collapse:collapse;width:100%}
.coverage td,.coverage th{text-align:left;vertical-align:top;padding:.25em .8em .25em 0;
border-top:1px solid var(--blank)}
.coverage td:last-child{overflow-wrap:anywhere}
.coverage td:nth-child(2){white-space:nowrap}
@media(max-width:600px){.coverage th{display:none}
.coverage tr{display:block;border-top:1px solid var(--blank);padding:.4em 0}
.coverage td{display:inline;border:0;padding:0 .8em 0 0}.coverage td:last-child{display:block}}
"""
    + "".join(f".coverage .{name}{{background:{tone.colour}}}\n" for name, tone in TONES.items())
).strip()


def render_page(maps: Sequence[Map], gaps: pl.DataFrame) -> str:
    """Return a whole page."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<title>Pointline coverage</title>"
        "<style>body{margin:0}body>.coverage{padding:1em;min-height:100vh;box-sizing:border-box}</style></head><body>\n"
        f"{render_fragment(maps, gaps, title='Coverage')}</body></html>\n"
    )


def render_fragment(maps: Sequence[Map], gaps: pl.DataFrame, *, title: str = "", by_month: bool = False) -> str:
    """Return maps, legend and gaps as one ``<section class="coverage">`` that brings its own style.

    ``by_month``: the cells of the maps are months, not days.
    """
    whole = total(maps)
    head = f"<h2>{escape(title)}</h2>" if title else ""
    sums = f"{percent(whole.covered, whole.expected) or 'none'} of {plural(whole.expected, 'day')} covered"
    parts = [
        f'<section class="coverage"><style>{STYLE}</style>{head}<p>{sums}, {plural(gaps.height, "gap")}</p>',
        f'<p class="legend">{"".join(_legend(maps))}</p><div class="maps">',
        *(part for one in maps for part in (_years(one) if by_month else _map(one))),
        "</div>",
        *_gaps(gaps),
        "</section>\n",
    ]
    return "\n".join(parts)


def _text(text: str) -> str:
    return escape(printable(text))


def _legend(maps: Sequence[Map]) -> Iterator[str]:
    found = {tone for one in maps for tone in one.tones}
    yield from (f'<span><i class="{name}"></i>{escape(TONES[name].means)}</span> ' for name in TONES if name in found)


def _map(one: Map) -> Iterator[str]:
    whole = total([one])
    symbols = "" if one.symbol is not None else f"{plural(one.symbols, 'symbol')}, "
    share = percent(whole.covered, whole.expected)
    yield f"<article><h3>{_text(one.title)} <small>{symbols}{share} of {plural(whole.expected, 'day')}</small></h3>"
    for days in one.months:
        month = total(days)
        cells = "".join(_cell(one, cell) for cell in days)
        share = percent(month.covered, month.expected)
        yield f'<div class="month"><b>{str(days[0].date)[:7]}</b>{cells}<b>{share}</b></div>'
    yield "</article>"


def _years(one: Map) -> Iterator[str]:
    """Yield a map whose cells are months: a line is a year."""
    whole = total([one])
    share = percent(whole.covered, whole.expected)
    yield f"<article><h3>{_text(one.title)} <small>{plural(one.symbols, 'symbol')}, {share}, by month</small></h3>"
    for year, months in groupby(one.cells, lambda cell: cell.date.year):
        by_number = {cell.date.month: cell for cell in months}
        cells = "".join(_cell(one, by_number[number]) if number in by_number else "<i></i>" for number in range(1, 13))
        year_whole = total(list(by_number.values()))
        share = percent(year_whole.covered, year_whole.expected)
        yield f'<div class="year"><b>{year}</b>{cells}<b>{share}</b></div>'
    yield "</article>"


def _cell(one: Map, cell: Cell) -> str:
    tone = one.tone(cell)
    if tone is None:
        return "<i></i>"
    return f'<i class="{tone}" title="{cell.date}: {describe(cell)}"></i>'


def _gaps(gaps: pl.DataFrame) -> Iterator[str]:
    if gaps.is_empty():
        yield "<p>No gaps.</p>"
        return
    shown, more = grouped(gaps, most=SHOWN_GAPS)
    yield "<h3>Gaps</h3><table><tr><th>gap</th><th>from</th><th>for</th><th>where</th></tr>"
    yield from (_row(gap) for gap in shown.iter_rows(named=True))
    yield "</table>"
    if more:
        yield f'<p class="quiet">{more:,} more are listed by <code>pointline coverage | less</code>.</p>'
    yield from (f'<p class="quiet">{escape(word)}: {escape(step)}</p>' for word, step in steps(gaps))
    yield f'<p class="quiet">{escape(RULE)}</p>'


def _row(gap: Mapping[str, Any]) -> str:
    known = what(gap)
    more = f'<br><span class="quiet">{_text(known)}</span>' if known else ""
    cells = (WORDS.get(gap["state"], gap["state"]), str(gap["first"]), plural(gap["days"], "day"))
    plain = "".join(f"<td>{cell}</td>" for cell in cells)
    return f"<tr>{plain}<td>{_text(where(gap))}{more}</td></tr>"

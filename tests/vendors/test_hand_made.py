"""What spreadsheets, editors and scripts do to files of any vendor: harmless, or seen row by row."""

from __future__ import annotations

import pytest

from tests.support.vendor_files import expected, take
from tests.vendors import test_databento, test_fx, test_generic, test_polygon, test_us_markets

FORMS = [
    form for module in (test_databento, test_polygon, test_fx, test_us_markets, test_generic) for form in module.FORMS
]
IDS = [f"{number} {form.feed}" for number, form in enumerate(FORMS)]
BY_FORM = pytest.mark.parametrize("form", FORMS, ids=IDS)
EPOCHS = [form for form in FORMS if form.written(form.plain_rows(1))[0][form.columns.index(form.time[0])].isdigit()]


@BY_FORM
def test_line_ends_of_windows_and_a_byte_order_mark_change_nothing(form):
    rows = form.plain_rows()
    data = form.file(form.written(rows)).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    marked = b"\xef\xbb\xbf" + data if form.has_header else data
    taken = take((form.path_of(form.day), marked))
    assert taken.is_success, taken.said
    assert taken.rows() == expected(rows)


@BY_FORM
def test_a_file_without_its_last_line_end_is_read_to_the_end(form):
    rows = form.plain_rows()
    taken = take((form.path_of(form.day), form.file(form.written(rows)).rstrip(b"\r\n")))
    assert taken.is_success, taken.said
    assert taken.rows() == expected(rows)


@BY_FORM
def test_a_short_row_is_quarantined_under_its_number(form):
    rows = form.plain_rows()
    lines = form.written(rows)
    lines[7] = lines[7][:2]
    taken = take((form.path_of(form.day), form.file(lines)))
    assert taken.is_success, taken.said
    assert taken.aside.select("file_seq", "rule").rows() == [(8, "ragged")]
    assert taken.aside["raw"].to_list() == [form.separator.join(lines[7])]
    assert taken.rows() == expected([*rows[:7], *rows[8:]])


@pytest.mark.parametrize("form", EPOCHS, ids=lambda form: form.feed)
@pytest.mark.parametrize("text", ["1.70027E+12", "1.70027E+18", "1714521600000.0", "1,714,521,600,000"])
@pytest.mark.share(4)
def test_a_time_as_a_spreadsheet_rounds_it_is_no_time(form, text):
    lines = form.written(form.plain_rows())
    for line in lines:
        line[form.columns.index(form.time[-1])] = f'"{text}"' if "," in text else text
    taken = take((form.path_of(form.day), form.file(lines)))
    assert not taken.is_success
    assert taken.silver.is_empty()
    assert text in taken.said

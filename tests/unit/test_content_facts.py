"""What the rows of a file say about the file itself, whether it is typed in a pack, by itself or block by block."""

from __future__ import annotations

import gzip
import re

import pytest

from pointline.errors import Unfinished
from pointline.services.audit.silver.reread import Rereader
from pointline.services.files.claims import Claims
from pointline.services.ingest.batch import Span
from pointline.tables.registry import event_tables
from tests.support.loading import Bench, blocks_of

HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
DAY_US = 1_714_521_600_000_000
HOUR_US = 3_600_000_000
WAYS = ["in a pack", "block by block"]


def trade(number: int, *, symbol: str = "BTCUSDT", exchange: str = "binance", step: int = 1_000_000, start: int = 0):
    at = DAY_US + start + number * step
    return f"{exchange},{symbol},{at},{at + 5},id{number},buy,{100 + number % 7}.5,0.25"


def csv(*rows: str, header: str = HEADER, end: str = "\n") -> bytes:
    return "".join(line + end for line in (header, *rows)).encode()


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path, {}, Claims())


@pytest.fixture(params=WAYS)
def load(request, bench):
    """Load one file, a good one beside it in the same pack, or the file in blocks of about ten rows."""

    def load(data: bytes, *, symbol: str = "BTCUSDT", name: str = "", accepted=(), **options):
        bench.claims = Claims()
        meta = bench.put(data, symbol=symbol, name=name)
        if request.param == "in a pack":
            beside = bench.put(csv(*(trade(n, symbol="OTHER") for n in range(5))), symbol="OTHER", name="other.csv")
            loaded, silver = bench.load(meta, beside, accepted=accepted, **options)
            assert loaded.outcomes[2].status == "success"
            assert silver.filter(silver["file_id"] == 2).height == 5
            silver = silver.filter(silver["file_id"] == 1)
        else:
            with blocks_of(600):
                loaded, silver = bench.load(meta, accepted=accepted, **options)
        if 1 in loaded.delays:
            raise loaded.delays[1]
        outcome = loaded.outcomes[1]
        aside = sum(frame.filter(frame["file_id"] == 1).height for frame in loaded.set_aside)
        assert silver.height == (outcome.rows_written if outcome.status == "success" else 0)
        assert aside == outcome.rows_quarantined
        assert outcome.rows_read == outcome.rows_written + outcome.rows_quarantined
        if outcome.status == "success":
            check_reread(bench, meta, silver, options)
        return outcome, silver, loaded

    return load


def check_reread(bench, meta, silver, options) -> None:
    """``verify --deep`` reads the same rows."""
    rereader = Rereader(event_tables()[meta.data_type], bench.reader(), frozenset(), options.get("groups", ()))
    with bench.reader().open(meta) as content:
        read = [good for good, _ in rereader._rows(meta, content)]
    columns = read[0].columns if read else []
    expected = silver.select(columns).rows()
    assert [row for good in read for row in good.rows()] == expected


class TestSymbols:
    """The symbol of the name is a claim; the rows are the truth."""

    def test_symbols_and_spans_are_those_of_the_rows(self, load):
        outcome, _, loaded = load(csv(*(trade(n) for n in range(30))))
        span = Span(first_us=DAY_US + 5, last_us=DAY_US + 29_000_005, rows=30)
        assert (outcome.symbols, loaded.spans[1]) == (("BTCUSDT",), {"BTCUSDT": span})

    @pytest.mark.parametrize("symbol", ["btcusdt", "BTC/USDT", "btc:usdt"])
    def test_another_spelling_is_the_same_symbol_and_stays(self, load, symbol):
        claim = "BTC-USDT" if len(symbol) > 7 else "BTCUSDT"
        outcome, silver, _ = load(csv(*(trade(n, symbol=symbol) for n in range(30))), symbol=claim)
        assert (outcome.status, outcome.symbols, outcome.rows_quarantined) == ("success", (symbol,), 0)
        assert set(silver["symbol"]) == {symbol}

    def test_two_spellings_in_one_file(self, load):
        rows = [trade(n, symbol="BTCUSDT" if n % 3 else "btcusdt") for n in range(30)]
        outcome, _, loaded = load(csv(*rows))
        assert outcome.symbols == ("BTCUSDT", "btcusdt")
        assert {symbol: span.rows for symbol, span in loaded.spans[1].items()} == {"BTCUSDT": 20, "btcusdt": 10}

    @pytest.mark.parametrize("place", [0, 15, 29])
    def test_a_row_of_another_symbol_is_quarantined(self, load, place):
        rows = [trade(n, symbol="ETHUSDT" if n == place else "BTCUSDT") for n in range(30)]
        outcome, silver, loaded = load(csv(*rows))
        assert (outcome.status, outcome.rows_quarantined, outcome.symbols) == ("success", 1, ("BTCUSDT",))
        assert place + 1 not in silver["file_seq"].to_list()
        assert "1 x other_symbol (symbol): ETHUSDT; the name says BTCUSDT" in outcome.error
        assert loaded.spans[1]["BTCUSDT"].rows == 29

    def test_all_of_another_symbol(self, load):
        name = "binance_trades_2024-05-01_ETHUSDT.csv"
        outcome, _, loaded = load(csv(*(trade(n) for n in range(30))), symbol="ETHUSDT", name=name)
        assert outcome.status == "quarantined"
        assert outcome.rows_quarantined == 30
        assert outcome.error == (
            "30 of 30 rows are of BTCUSDT, the name says ETHUSDT; "
            "rename the file to binance_trades_2024-05-01_BTCUSDT.csv; if that is there, keep the right one"
        )
        assert loaded.spans.get(1, {}) == {}

    @pytest.mark.parametrize(
        ("name", "advice"),
        [
            (
                "binance_trades_2024-05-01_BTCUSDT.csv",
                "rename the file to okex_trades_2024-05-01_BTCUSDT.csv; if that is there, keep the right one",
            ),
            (
                "Binance_trades_2024-05-01_BTCUSDT.csv",
                "rename the file to okex_trades_2024-05-01_BTCUSDT.csv; if that is there, keep the right one",
            ),
        ],
    )
    def test_all_of_another_exchange(self, load, name, advice):
        outcome, _, _ = load(csv(*(trade(n, exchange="okex") for n in range(30))), name=name)
        assert outcome.error == f"30 of 30 rows are of okex, the name says binance; {advice}"

    def test_all_of_another_day(self, load):
        """Said with the day that was found, which is what the name has to be."""
        name = "binance_trades_2024-05-01_BTCUSDT.csv"
        later = [trade(n, start=2 * 86_400_000_000) for n in range(7)]
        outcome, _, _ = load(csv(*later), name=name)
        assert outcome.error == (
            "7 of 7 rows are of 2024-05-03, the name says 2024-05-01 (outside_day); "
            "rename the file to binance_trades_2024-05-03_BTCUSDT.csv; if that is there, keep the right one"
        )

    def test_one_of_another_day(self, load):
        rows = [trade(n, start=0 if n else 86_400_000_000) for n in range(30)]
        outcome, _, _ = load(csv(*rows))
        assert "1 x outside_day (local_timestamp), such as 2024-05-02 00:00 UTC; the name says 2024-05-01" in (
            outcome.error or ""
        )

    @pytest.mark.parametrize(
        ("claim", "groups"), [("SPOT", ()), ("futures", ()), ("PERPETUALS", ()), ("OPTIONS", ()), ("All", ("ALL",))]
    )
    def test_a_group_takes_any_symbol(self, load, claim, groups):
        rows = [trade(n, symbol=f"S{n % 4}") for n in range(30)]
        outcome, _, loaded = load(csv(*rows), symbol=claim, groups=groups)
        assert (outcome.status, outcome.rows_written) == ("success", 30)
        assert outcome.symbols == ("S0", "S1", "S2", "S3")
        assert loaded.spans[1]["S1"] == Span(first_us=DAY_US + 1_000_005, last_us=DAY_US + 29_000_005, rows=8)

    @pytest.mark.parametrize("claim", ["BTCUSDT", "SPOT"])
    def test_a_character_that_nobody_sees(self, load, claim):
        rows = [trade(n, symbol="BTCUSDT\u200b" if n == 7 else "BTCUSDT") for n in range(30)]
        outcome, _, _ = load(csv(*rows), symbol=claim)
        assert "1 x invisible_character (symbol), such as 'BTCUSDT\\u200b'" in outcome.error

    def test_the_exchange_is_compared_without_case(self, load):
        outcome, _, _ = load(csv(*(trade(n, exchange="BINANCE") for n in range(30))))
        assert (outcome.status, outcome.rows_written) == ("success", 30)


class TestShare:
    """A file of which much cannot be kept is refused as a whole, until a person accepts it."""

    @staticmethod
    def rows(bad: int, of: int) -> list[str]:
        return [trade(n).replace("buy", "BUY" if n % of < bad else "buy") for n in range(of)]

    @pytest.mark.parametrize(
        ("bad", "of", "refused"), [(9, 30, False), (10, 30, True), (10, 50, False), (11, 50, True)]
    )
    def test_more_than_a_fifth_and_at_least_ten(self, load, bad, of, refused):
        outcome, _, _ = load(csv(*self.rows(bad, of)))
        counts = (outcome.status, outcome.rows_read, outcome.rows_written, outcome.rows_quarantined)
        assert counts == (("quarantined", 0, 0, 0) if refused else ("success", of, of - bad, bad))

    def test_it_says_why_and_what_to_do(self, load):
        outcome, _, _ = load(csv(*self.rows(20, 30)))
        assert outcome.error.startswith("20 of 30 rows cannot be kept: 20 x unknown_value (side), such as 'BUY'; known")
        assert "the first of them is row 1: 'binance,BTCUSDT," in outcome.error
        assert "`pointline retry 1 --accept` takes the other 10 rows" in outcome.error
        assert outcome.content_hash

    def test_accepted(self, load):
        outcome, _, _ = load(csv(*self.rows(20, 30)), accepted={1})
        assert (outcome.status, outcome.rows_written, outcome.rows_quarantined) == ("success", 10, 20)

    def test_the_share_is_a_setting(self, load):
        outcome, _, _ = load(csv(*self.rows(20, 30)), max_quarantined_share=0.7)
        assert outcome.status == "success"

    def test_all_of_them(self, load):
        outcome, _, _ = load(csv(*self.rows(30, 30)))
        assert (outcome.status, outcome.rows_read, outcome.rows_quarantined) == ("quarantined", 30, 30)

    def test_another_file_with_the_same_content_is_no_duplicate_of_a_refused_one(self, bench):
        data = csv(*(trade(n) for n in range(30)))
        wrong = bench.put(data, symbol="ETHUSDT")
        bench.load(wrong)
        outcome, _, _ = bench.load_one(bench.put(data))
        assert outcome.status == "success"


ROWS = [trade(n) for n in range(60)]


class TestStartsAgain:
    """A file that was appended to itself is refused; what only looks alike is not."""

    @pytest.mark.parametrize("header", [(), (HEADER,)], ids=["rows", "with header"])
    @pytest.mark.parametrize("kept", [60, 13, 2])
    @pytest.mark.parametrize("of", [60, 12, 2])
    def test_appended(self, load, header, kept, of):
        first = ROWS[:of]
        outcome, _, _ = load(csv(*first, *header, *first[:kept]))
        assert outcome.status == "quarantined"
        row = of + 1 + len(header)
        assert f"starts again from its beginning at row {row}:" in outcome.error
        assert outcome.rows_read == 0

    def test_accepting_does_not_help(self, load):
        outcome, _, _ = load(csv(*ROWS, *ROWS), accepted={1})
        assert outcome.status == "quarantined"

    def test_gzip_members(self, load):
        member = gzip.compress(csv(*ROWS))
        outcome, _, _ = load(member * 2, name="x.csv.gz")
        assert "starts again from its beginning at row 62:" in outcome.error

    def test_the_first_row_is_bad(self, load):
        rows = [ROWS[0].replace("buy", "?"), *ROWS[1:]]
        outcome, _, _ = load(csv(*rows, *rows))
        assert "starts again from its beginning at row 62:" in outcome.error

    @pytest.mark.parametrize(
        "rows",
        [
            pytest.param([ROWS[0]] * 3 + ROWS, id="equal rows at the beginning"),
            pytest.param([*ROWS, *[ROWS[-1]] * 3], id="equal rows at the end"),
            pytest.param([*ROWS[30:], *ROWS[:30]], id="halves in the wrong order"),
            pytest.param([*ROWS, ROWS[0]], id="one late row"),
            pytest.param([*ROWS, ROWS[0], ROWS[5], *ROWS[2:4]], id="late rows in another order"),
            pytest.param([trade(n, step=0) for n in range(60)], id="one instant"),
            pytest.param([trade(n, step=-1, start=HOUR_US) for n in range(60)], id="backwards"),
        ],
    )
    def test_what_is_legal(self, load, rows):
        outcome, _, _ = load(csv(*rows))
        assert (outcome.status, outcome.rows_written) == ("success", len(rows))

    def test_a_group_sorted_by_symbol(self, load):
        rows = [trade(n, symbol=symbol) for symbol in ("A", "B", "C") for n in range(20)]
        outcome, _, _ = load(csv(*rows), symbol="SPOT")
        assert (outcome.status, outcome.rows_written) == ("success", 60)

    def test_two_parts_joined_with_their_headers(self, load):
        outcome, _, _ = load(csv(*ROWS[:30], HEADER, *ROWS[30:]))
        assert (outcome.status, outcome.rows_written, outcome.rows_quarantined) == ("success", 60, 1)


class TestWarnings:
    """What is odd about a file and no reason to refuse it."""

    def test_none(self, load):
        assert load(csv(*(trade(n) for n in range(30))))[0].warnings == {}

    def test_columns_that_are_not_known(self, load):
        rows = [trade(n) + ",1,2" for n in range(30)]
        outcome, _, _ = load(csv(*rows, header=HEADER + ",fee,\x1bvenue"))
        assert outcome.warnings == {"unknown_column:fee": 1, "unknown_column:\\x1bvenue": 1}

    def test_many_columns_that_are_not_known(self, load):
        rows = [trade(n) + "," * 500 for n in range(30)]
        names = ",".join(f"c{number}" for number in range(500))
        outcome, _, _ = load(csv(*rows, header=f"{HEADER},{names}"))
        assert len(outcome.warnings) < 12
        assert sum(outcome.warnings.values()) == 500

    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize("cut", [1, 3])
    def test_no_final_line_end(self, load, packed, cut):
        data = csv(*(trade(n) for n in range(30)))[:-cut]
        outcome, _, _ = load(gzip.compress(data) if packed else data, name="x.csv.gz")
        assert outcome.status == "success"
        assert outcome.warnings == ({} if packed else {"no_final_line_end": 1})

    def test_an_optional_time_of_zero(self, bench):
        header = (
            "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,"
            "open_interest,last_price,index_price,mark_price"
        )
        rows = []
        for number in range(40):
            at = DAY_US + number
            funding = "0" if number % 4 == 0 else "" if number % 4 == 1 else str(at)
            rows.append(f"binance,BTCUSDT,{at},{at},{funding},,,,1,1,1")
        for spoil in ("", "x"):
            lines = [*rows[:-1], rows[-1].replace(",1,1,1", f",1,1,1{spoil}")]
            meta = bench.put(csv(*lines, header=header), table="derivative_ticker")
            for block in (1 << 20, 700):
                bench.claims = Claims()
                with blocks_of(block):
                    outcome, silver, _ = bench.load_one(meta)
                assert outcome.warnings == {"implausible_time:funding_timestamp": 10}
                assert outcome.rows_written == 40 - len(spoil)
                assert silver["funding_timestamp"].null_count() == 20


class TestDamage:
    """A file of which a part was never written, or that ends early, is not taken for whole."""

    @pytest.mark.parametrize("nul", [16, 4096])
    @pytest.mark.parametrize("at", [300, 1500])
    def test_a_block_of_nul_bytes(self, load, nul, at):
        text = csv(*(trade(n) for n in range(90)))
        outcome, _, _ = load(text[:at] + bytes(nul) + text[at + nul :])
        assert outcome.status == "quarantined"
        assert f"{nul} NUL bytes at offset {at}," in outcome.error
        assert outcome.rows_read == 0

    @pytest.mark.parametrize("nul", [16, 4096, 3_000_000])
    def test_at_the_end(self, load, nul):
        text = csv(*(trade(n) for n in range(90)))
        outcome, _, _ = load(text + bytes(nul))
        assert re.search(rf"is damaged: at least \d+ NUL bytes at offset {len(text)},", outcome.error)

    def test_one_in_a_cell_is_a_bad_row(self, load):
        outcome, _, _ = load(csv(*(trade(n) for n in range(90))).replace(b"id5,", b"i\0d5,"))
        assert (outcome.status, outcome.rows_quarantined) == ("success", 1)

    def test_a_gzip_cut_short_leaves_nothing(self, load):
        with pytest.raises(Unfinished):
            load(gzip.compress(csv(*(trade(n) for n in range(900))))[:-9], name="x.csv.gz")


class TestQuotedLineEnds:
    """A line end inside a quoted cell is part of the cell, wherever a block ends."""

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    @pytest.mark.parametrize("inside", ["\n", "\r\n"])
    def test_kept(self, load, end, inside):
        rows = [trade(n).replace(f"id{n},", f'"a{inside}{n}{inside}b",') for n in range(60)]
        outcome, silver, _ = load(csv(*rows, end=end))
        assert (outcome.rows_written, outcome.rows_quarantined) == (60, 0), outcome.error
        assert silver["id"].to_list() == [f"a{inside}{n}{inside}b" for n in range(60)]

    def test_a_quote_that_never_closes_loses_one_row(self, load):
        for place in range(60):
            rows = [trade(n).replace("id", '"id') if n == place else trade(n) for n in range(60)]
            outcome, _, _ = load(csv(*rows))
            assert (outcome.rows_written, outcome.rows_quarantined) == (59, 1)


class TestZone:
    """Days that were cut in another zone are called that."""

    @pytest.mark.parametrize(
        ("hours", "said"),
        [
            (8, "a third of the rows (8 of 24) lie before 00:00 UTC of 2024-05-01, from 2024-04-30 16:00 on"),
            (6, "a quarter of the rows (6 of 24) lie before 00:00 UTC of 2024-05-01, from 2024-04-30 18:00 on"),
            (-5, "21% of the rows (5 of 24) lie after 24:00 UTC of 2024-05-01, until 2024-05-02 04:00"),
        ],
    )
    def test_named(self, load, hours, said):
        rows = [trade(n, step=HOUR_US, start=-hours * HOUR_US) for n in range(24)]
        outcome, _, _ = load(csv(*rows))
        assert outcome.status == "quarantined"
        assert f"{said}; are these days cut at UTC{hours:+}?" in outcome.error

    @pytest.mark.parametrize("gap", [0, 3 * HOUR_US])
    @pytest.mark.parametrize("outside", [1, 4, 5])
    def test_a_few_rows_of_the_day_before_name_none(self, load, outside, gap):
        before = [trade(n - outside, start=-gap) for n in range(outside)]
        outcome, _, _ = load(csv(*before, *(trade(n, step=HOUR_US) for n in range(19))))
        assert ("UTC+" in outcome.error) == (outside == 5 and not gap)

    def test_rows_of_two_days_name_none(self, load):
        rows = [trade(n, step=HOUR_US, start=-20 * HOUR_US) for n in range(40)]
        outcome, _, _ = load(csv(*rows))
        assert outcome.status == "quarantined"
        assert "are these days cut" not in outcome.error


class TestDuplicates:
    """What a large file brings is known when all of it was read; if that is known already, nothing of it goes in."""

    def test_a_copy(self, bench):
        data = csv(*(trade(n) for n in range(90)))
        first = bench.put(data, name="first.csv")
        copy = bench.put(data, name="copy.csv")
        for size in (1 << 20, 600):
            bench.claims = Claims()
            with blocks_of(size):
                loaded, silver = bench.load(first, copy)
            assert [loaded.outcomes[one].status for one in (1, 2)] == ["success", "duplicate"]
            assert loaded.outcomes[2].superseded_by == 1
            assert silver.height == 90

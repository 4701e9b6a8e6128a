"""Descriptions and settings change under files that are in: rows stay, and what is said of them is true."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pointline_daemon.arrival.descriptions import Descriptions

import pointline
from pointline.io.descriptions import read_feeds
from tests.support.process import pointline as run

MINE = """
vendor = "{vendor}"
[[feed]]
name = "fills"
path = "{vendor}/{{symbol}}_{{date:%Y%m%d}}.txt"
table = "trades"
exchange = "kraken"
separator = ";"
columns = ["at", "px", "qty", "dir"]
[feed.map]
timestamp = {{ from = "at", time = "%Y-%m-%d %H:%M:%S%.f" }}
price = "px"
amount = "qty"
side = {{ from = "dir", words = {{ B = "buy", S = "sell" }} }}
"""
MOODS = """
[[table]]
name = "moods"
columns = [{ name = "m", kind = "text" }]
"""
MOOD_FEED = """
[[feed]]
name = "moods"
path = "moods/{symbol}_{date:%Y%m%d}.csv"
table = "moods"
exchange = "kraken"
columns = ["timestamp", "m"]
[feed.map]
timestamp = { from = "timestamp", time = "%Y-%m-%d %H:%M:%S" }
m = "m"
"""
NAME = "mine/BTCUSD_20240501.txt"


@pytest.fixture
def root(tmp_path) -> Path:
    for folder in ("bronze/mine", "vendors"):
        (tmp_path / "lake" / folder).mkdir(parents=True)
    return tmp_path / "lake"


def describe(root: Path, text: str = MINE.format(vendor="mine"), name: str = "mine.toml") -> None:
    (root / "vendors" / name).write_text(text)


def drop(root: Path, sides: str, name: str = NAME) -> Path:
    path = root / "bronze" / name
    lines = [f"2024-05-01 00:00:{second:02}.5;{100 + second}.5;0.1;{side}" for second, side in enumerate(sides)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["at;px;qty;dir", *lines, ""]))
    return path


def once(root: Path, code: int = 0, **settings: object) -> str:
    done = run(root, "run", "--once", **settings)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def told(root: Path, *arguments: str, code: int = 0) -> str:
    done = run(root, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


def sides(root: Path) -> list[str]:
    return pointline.scan("trades", lake_root=root).collect().sort("file_id", "file_seq")["side"].to_list()


class TestRepairGivesNothingUp:
    """Rows that are in do not leave for a reading that has fewer."""

    def test_a_slip_in_a_description(self, root):
        describe(root)
        drop(root, "BS" * 10)
        once(root)
        describe(root, MINE.format(vendor="mine").replace("B = ", "K = "))
        for command in (["repair", "--dry-run"], ["repair"]):
            said = told(root, *command, code=1)
            assert "file 1 stays as it is" in said
            assert "read again now, it would be refused: 10 of 20" in said
        assert sides(root) == ["buy", "sell"] * 10
        told(root, "withdraw", "1")
        assert "read again" in told(root, "retry", "1")
        once(root, code=1)
        assert sides(root) == []

    def test_a_limit_that_was_set_back(self, root):
        describe(root)
        drop(root, "BS" * 15 + "?" * 15)
        once(root, ingest__max_quarantined_share=0.5)
        assert len(sides(root)) == 30
        describe(root, MINE.format(vendor="mine").replace('B = "buy", S = "sell"', 'B = "sell", S = "buy"'))
        assert "file 1 stays as it is" in told(root, "repair", code=1)
        assert sides(root) == ["buy", "sell"] * 15

    @pytest.mark.parametrize("lost", ["quarantine", "one row"])
    @pytest.mark.parametrize("change", ["nothing reads it", "two claim it"])
    def test_a_path_that_cannot_be_read(self, root, lost, change):
        """What is lost beside it is no reason to give up the rest."""
        describe(root)
        drop(root, "BS" * 10 + "?")
        once(root)
        if change == "nothing reads it":
            describe(root, MINE.format(vendor="mine").replace('path = "mine/', 'path = "mine/new/'))
        else:
            describe(root, MINE.format(vendor="twin").replace('path = "twin/', 'path = "mine/'), "twin.toml")
        if lost == "quarantine":
            shutil.rmtree(root / "silver" / "quarantine")
        else:
            DeltaTable(root / "silver" / "trades").delete("file_seq = 3")
        before = sides(root)
        told(root, "repair", "--dry-run", code=1)
        told(root, "repair", code=1)
        assert sides(root) == before
        describe(root)
        (root / "vendors" / "twin.toml").unlink(missing_ok=True)
        told(root, "repair")
        assert sides(root) == ["buy", "sell"] * 10
        assert "no problems found" in told(root, "verify", "--deep")

    @pytest.mark.parametrize("lost", ["the log", "the newest data file"])
    def test_an_earlier_reading_does_not_come_back(self, root, lost):
        """Its rows lie about until the vacuum, under the same id and as many: better none than these."""
        describe(root)
        path = drop(root, "BS" * 10)
        once(root)
        (before,) = (root / "silver" / "trades").rglob("*.parquet")
        describe(root, MINE.format(vendor="mine").replace('B = "buy", S = "sell"', 'B = "sell", S = "buy"'))
        told(root, "repair")
        assert sides(root) == ["sell", "buy"] * 10
        path.unlink()
        if lost == "the log":
            shutil.rmtree(root / "silver" / "trades" / "_delta_log")
        else:
            (newest,) = {*(root / "silver" / "trades").glob("exchange=*/*/*.parquet")} - {before}
            newest.unlink()
        assert "file 1 is lost" in told(root, "repair", code=1)
        assert sides(root) == []

    def test_a_start_gives_no_rows_up_for_a_worse_reading(self, root):
        describe(root)
        drop(root, "BS" * 10)
        once(root)
        DeltaTable(root / "silver" / "trades").delete("file_seq = 3")
        describe(root, MINE.format(vendor="mine").replace("B = ", "K = "))
        assert "it stays as it is" in once(root)
        assert len(sides(root)) == 19
        describe(root)
        once(root)
        assert sides(root) == ["buy", "sell"] * 10

    def test_a_day_that_is_whole_counts_as_rows_that_are_there(self, root):
        text = MINE.format(vendor="mine").replace("%Y%m%d", "%Y%m")
        describe(root, text)
        days = [f"2024-05-{day:02} 00:00:01;1.5;0.1;{side}" for day in (1, 2) for side in "BBBS"]
        (root / "bronze" / "mine" / "BTCUSD_202405.txt").write_text("\n".join(["at;px;qty;dir", *days, ""]))
        once(root)
        shutil.rmtree(next((root / "silver" / "trades").glob("exchange=*/date=2024-05-02")))
        describe(root, text.replace("B = ", "K = "))
        assert "it stays as it is" in once(root)
        assert sides(root) == ["buy", "buy", "buy", "sell"]
        assert "file 1 stays as it is" in told(root, "repair", code=1)
        describe(root, text)
        once(root)
        assert sides(root) == ["buy", "buy", "buy", "sell"] * 2

    def test_what_was_accepted_stays_accepted(self, root):
        """Of rows that are none, as many as before may be quarantined; a worse reading is not taken all the same."""
        describe(root)
        drop(root, "BS" * 2 + "?" * 16)
        once(root, code=1)
        told(root, "retry", "--accept", "1")
        once(root)
        assert len(sides(root)) == 4
        describe(root, MINE.format(vendor="mine").replace('B = "buy", S = "sell"', 'B = "sell", S = "buy"'))
        assert "no problems found" in told(root, "repair")
        assert sides(root) == ["sell", "buy"] * 2
        describe(root, MINE.format(vendor="mine").replace('B = "buy", S = "sell"', 'K = "sell"'))
        assert "file 1 stays as it is" in told(root, "repair", code=1)
        assert sides(root) == ["sell", "buy"] * 2

    def test_a_correction_is_taken(self, root):
        describe(root)
        drop(root, "BS" * 10)
        once(root)
        describe(root, MINE.format(vendor="mine").replace('B = "buy", S = "sell"', 'B = "sell", S = "buy"'))
        assert "no problems found" in told(root, "repair")
        assert sides(root) == ["sell", "buy"] * 10


class TestOneHoldsUpNoOther:
    """What is wrong with one description concerns its own files."""

    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch):
        monkeypatch.setattr("pointline_daemon.arrival.descriptions.STILL_SECONDS", 0.0)

    @pytest.mark.parametrize(
        "trouble",
        [
            "not = [TOML",
            MINE.format(vendor="bad") + '[[table]]\nname = "moods"\ncolumns = [{ name = "m", kind = "text" }]\n',
        ],
        ids=["torn", "a table waits for a restart"],
    )
    def test_the_others_are_taken_up(self, root, trouble):
        describe(root, MINE.format(vendor="bad"), "bad.toml")
        describe(root)
        feeds = read_feeds(root)
        descriptions = Descriptions(root, feeds)
        describe(root, trouble, "bad.toml")
        describe(root, MINE.format(vendor="mine").replace("kraken", "bitstamp"))
        describe(root, MINE.format(vendor="new"), "new.toml")
        assert descriptions.take_up_changes()
        exchanges = {vendor.name: vendor.descriptions[0].text.exchange for vendor in feeds.own}
        assert exchanges == {"bad": "kraken", "mine": "bitstamp", "new": "kraken"}
        assert "bad.toml" in descriptions.refused["problem"]
        (root / "vendors" / "bad.toml").unlink()
        assert descriptions.take_up_changes()
        assert {vendor.name for vendor in feeds.own} == {"mine", "new"}
        assert not descriptions.refused

    def test_a_name_that_another_file_takes_meanwhile(self, root):
        describe(root, MINE.format(vendor="bad"), "bad.toml")
        feeds = read_feeds(root)
        descriptions = Descriptions(root, feeds)
        describe(root, "not = [TOML", "bad.toml")
        describe(root, MINE.format(vendor="bad").replace("kraken", "bitstamp"), "other.toml")
        assert not descriptions.take_up_changes()
        assert [one.where for one in feeds.own] == ["vendors/bad.toml"]

    def test_a_twin_holds_up_no_other(self, root):
        describe(root)
        describe(root, MINE.format(vendor="other"), "other.toml")
        feeds = read_feeds(root)
        descriptions = Descriptions(root, feeds)
        describe(root, MINE.format(vendor="mine").replace("kraken", "bitstamp"), "a.toml")
        describe(root, MINE.format(vendor="other").replace("kraken", "gemini"), "other.toml")
        assert descriptions.take_up_changes()
        exchanges = {vendor.where: vendor.descriptions[0].text.exchange for vendor in feeds.own}
        assert exchanges == {"vendors/mine.toml": "kraken", "vendors/other.toml": "gemini"}
        assert "describes the vendor 'mine' too" in descriptions.refused["problem"]

    @pytest.mark.parametrize("at_once", [True, False])
    def test_one_that_is_renamed_and_has_a_slip_holds_as_it_was(self, root, at_once):
        describe(root)
        feeds = read_feeds(root)
        descriptions = Descriptions(root, feeds)
        (root / "vendors" / "mine.toml").rename(root / "vendors" / "new.toml")
        if not at_once:
            assert not descriptions.take_up_changes()
        describe(root, "not = [TOML", "new.toml")
        assert not descriptions.take_up_changes()
        assert [one.name for one in feeds.own] == ["mine"]
        assert "new.toml" in descriptions.refused["problem"]

    def test_columns_of_a_refused_table_reach_no_feed_of_another_file(self, root):
        describe(root, 'vendor = "m"' + MOODS, "m.toml")
        describe(root, 'vendor = "f"' + MOOD_FEED, "f.toml")
        feeds = read_feeds(root)
        descriptions = Descriptions(root, feeds)
        more = MOODS.replace("}]", '}, { name = "n", kind = "text" }]')
        describe(root, 'vendor = "m"' + more, "m.toml")
        describe(root, 'vendor = "m"', "m2.toml")  # both are refused
        describe(root)  # whatever makes the others count anew
        assert descriptions.take_up_changes()
        (fills,) = (one for vendor in feeds.own for one in vendor.descriptions if vendor.name == "f")
        assert [column.name for column in fills.table.columns] == [
            column.name for column in feeds.tables["moods"].columns
        ]

    def test_hidden_files_are_none(self, root):
        describe(root)
        (root / "vendors" / ".#mine.toml").symlink_to("me@host.1:1")
        (root / "vendors" / "._mine.toml").write_bytes(b"\0\5\x16\7\xff")
        describe(root, MINE.format(vendor="old"), ".mine.toml")
        drop(root, "BS")
        drop(root, "BS", "old/BTCUSD_20240501.txt")
        once(root)
        assert pointline.files(lake_root=root)["vendor"].to_list() == ["mine"]


def test_two_descriptions_of_one_path_are_named_though_one_of_them_ships(root):
    """Guards that an own description takes the place of what ships by its name alone, and not unseen."""
    name = "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.csv"
    path = "data/spot/daily/trades/{symbol}/{symbol}-trades-{date:%Y-%m-%d}.csv"
    text = MINE.format(vendor="x").replace("x/{symbol}_{date:%Y%m%d}.txt", path)
    describe(root, text, "x.toml")
    drop(root, "BS", name)
    once(root, code=1)
    (error,) = pointline.files(status="quarantined", lake_root=root)["error"]
    assert "x/fills and binance/spot-trades both claim it" in error
    assert "name its vendor 'binance'" in error
    describe(root, text.replace('vendor = "x"', 'vendor = "binance"'), "x.toml")
    told(root, "retry", "1")
    once(root)
    assert sides(root) == ["buy", "sell"]


class TestWhatIsSaid:
    """Commands agree about a file whose description has changed, and their advice leads on."""

    @pytest.fixture
    def root(self, root) -> Path:
        describe(root)
        drop(root, "BS" * 3)
        once(root)
        return root

    def test_a_feed_of_another_name(self, root):
        """Its rows are what they were: that is nothing to tell. Where they are not, it is."""
        other = MINE.format(vendor="mine").replace('"fills"', '"deals"')
        describe(root, other)
        assert "no problems" in told(root, "verify", "--deep")
        describe(root, other.replace('B = "buy", S = "sell"', 'B = "sell", S = "buy"'))
        said = told(root, "verify", "--deep", code=1)
        assert "claim_differs" in said
        assert "by mine/deals, and it came as kraken trades BTCUSD by mine/fills" in said
        told(root, "withdraw", "1")
        told(root, "retry", "1")
        once(root)
        assert "no problems" in told(root, "verify", "--deep")

    def test_a_path_that_two_claim(self, root):
        describe(root, MINE.format(vendor="twin").replace('path = "twin/', 'path = "mine/'), "twin.toml")
        said = told(root, "verify", "--deep", code=1)
        assert "mine/fills and twin/fills both claim it" in said
        assert "withdraw" not in said
        assert "verify --deep has 1 finding" in told(root, "repair", "--dry-run", code=1)
        assert sides(root) == ["buy", "sell"] * 3

    def test_a_whole_day_that_is_gone(self, root):
        """The file beside it is read for what silver has, which is nothing."""
        shutil.rmtree(next((root / "silver" / "trades").glob("exchange=*")))
        assert "rows_missing" in told(root, "verify", "--deep", code=1)

    def test_two_feeds_that_changed_places(self, root):
        other = MINE.format(vendor="mine").partition("[[feed]]")[2].replace('price = "px"', 'price = "qty"')
        other = "[[feed]]" + other.replace('amount = "qty"', 'amount = "px"').replace('"fills"', '"other"')
        text = MINE.format(vendor="mine").replace('path = "mine/', 'path = "away/')
        describe(root, text + other)
        assert "claim_differs" in told(root, "verify", "--deep", code=1)

    def test_a_path_that_is_narrower_now(self, root):
        """The row is still traced to its line: both are there."""
        describe(root, MINE.format(vendor="mine").replace('path = "mine/', 'path = "mine/new/'))
        assert "2024-05-01 00:00:00.5;100.5;0.1;B" in told(root, "trace", "trades", "1", "1")

    def test_a_typo(self, root):
        describe(root, MINE.format(vendor="mine").replace('price = "px"', 'price = "pxx"'))
        said = told(root, "explain", "1")
        assert "a description of the lake is wrong: vendors/mine.toml" in said
        assert "put its TOML file back" not in said
        assert "vendors/mine.toml" in told(root, "status")
        assert "a start fails until" in told(root, "status")
        assert "its rows stay" in said

    def test_a_table_whose_description_is_gone(self, root):
        describe(root, 'vendor = "m"' + MOODS + MOOD_FEED, "m.toml")
        (root / "bronze" / "moods").mkdir()
        (root / "bronze" / "moods" / "X_20240501.csv").write_text("timestamp,m\n2024-05-01 10:00:00,good\n")
        once(root)
        (root / "vendors" / "m.toml").unlink()
        assert "moods/X_20240501.csv" in told(root, "files", "--table", "moods")
        assert "kraken moods X" in told(root, "coverage", "--table", "moods")

    def test_everything_is_withdrawn(self, root):
        told(root, "withdraw", "1")
        assert "`pointline files` says what became of each" in told(root, "coverage")

    def test_a_file_that_nothing_reads_stays_withdrawn(self, root):
        told(root, "withdraw", "1")
        (root / "vendors" / "mine.toml").unlink()
        said = told(root, "retry", "1", code=1)
        assert "nothing reads its path now" in said
        assert "`pointline explain 1` says why" in said
        assert "put the file back" not in said
        assert pointline.files(lake_root=root)["status"].to_list() == ["withdrawn"]

    def test_of_several_files_each_is_told(self, root):
        drop(root, "??", "mine/ETHUSD_20240501.txt")
        once(root, code=1)
        said = told(root, "retry", "1", "2")
        assert "file 1 is not tried again, for its status is success" in said
        assert "1 file to be read again" in said


@pytest.mark.parametrize("tables", [("moods", "others"), ("moods", "moods")], ids=["one vendor", "one table"])
def test_a_name_that_another_description_has_is_found_by_check_too(root, tables):
    for name, table in zip(("w", "w2"), tables, strict=True):
        vendor = name if tables[0] == tables[1] else "w"
        describe(root, f'vendor = "{vendor}"' + MOODS.replace("moods", table), f"{name}.toml")
    assert run(root, "run", "--once").returncode == 78
    checked = [run(root, "vendors", "check", str(root / "vendors" / f"{one}.toml")) for one in ("w", "w2")]
    assert 1 in {one.returncode for one in checked}
    assert any("w.toml" in one.stdout and "w2.toml" in one.stdout for one in checked)


@pytest.mark.parametrize(
    "text", ['[bronze]\nignore_also = ["raw/*.csv"]', '[maintenance]\nz_order = ["nope"]', "[ingst]\nx = 1"]
)
def test_what_config_check_refuses_does_not_start_and_the_other_way_round(root, text):
    once(root)
    (root / "pointline.toml").write_text(text)
    commands = (["config", "check"], ["run", "--once"], ["repair"])
    assert [run(root, *command).returncode for command in commands] == [78, 78, 78]
    assert "`pointline config check`" in told(root, "status")


def test_settings_that_are_a_link_to_nothing_are_no_settings(root):
    (root / "pointline.toml").symlink_to("/nowhere/pointline.toml")
    assert "a link to nothing" in told(root, "run", "--once", code=78)


def test_a_file_that_a_setting_hides_is_in_the_way_as_before(root):
    """Guards that the other one is not read again and refused at each scan."""
    describe(root, MINE.format(vendor="mine").replace('path = "mine/', 'path = "**/'))
    drop(root, "BS" * 3, "old/BTCUSD_20240501.txt")
    once(root)
    drop(root, "BSB", "new/BTCUSD_20240501.txt")
    once(root, code=1)
    (root / "pointline.toml").write_text('[bronze]\nignore_also = ["old"]\n')
    for _ in range(2):
        assert "file.reopened" not in once(root, code=1)

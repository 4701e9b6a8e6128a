"""A table of a lake's own that is described anew while silver has rows of it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import pointline as reader
from pointline.errors import PointlineError
from tests.support.process import Lake, pointline
from tests.support.sound_lake import copy_lake
from tests.support.waiting import wait_until

PX = '{ name = "px", kind = "number", required = true }'
SIDE = '{ name = "side", kind = "choice", choices = ["buy", "sell"] }'
FEE = '{ name = "fee", kind = "number" }'
FEED = """
[[feed]]
name = "fills"
path = "fills/{symbol}/{date:%Y-%m-%d}.csv"
table = "TABLE"
exchange = "desk"
columns = [["px", "side", "at"], ["px", "side", "at", "fee"]]
DROP

[feed.map]
timestamp = { from = "at", time = "epoch" }
"""


def table(*columns: str, name: str = "fills") -> str:
    return f'\n[[table]]\nname = "{name}"\ncolumns = [{", ".join(columns)}]\n'


def feed(*columns: str, name: str = "fills") -> str:
    left = [one for one in ("px", "side", "fee") if f'"{one}"' not in " ".join(columns)]
    return FEED.replace("TABLE", name).replace("DROP", f"drop = {json.dumps(left)}")


def description(*columns: str, name: str = "fills", besides: str = "") -> str:
    return f'vendor = "mydesk"\n{besides}{table(*columns, name=name)}{feed(*columns, name=name)}'


def describe(root: Path, text: str) -> None:
    (root / "vendors").mkdir(exist_ok=True)
    (root / "vendors/desk.toml").write_text(text)


def drop(root: Path, day: int, header: str = "px,side,at", rest: str = "") -> None:
    file = root / f"bronze/fills/X/2024-05-0{day}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    start = 1714521600000 + (day - 1) * 86_400_000
    file.write_text(f"{header}\n" + "".join(f"{10 + one},buy,{start + one}{rest}\n" for one in range(3)))


@pytest.fixture(scope="module")
def with_rows(tmp_path_factory) -> Path:
    """For tests that change its description alone."""
    root = tmp_path_factory.mktemp("fills")
    describe(root, description(PX, SIDE))
    drop(root, 1)
    assert pointline(root, "run", "--once").returncode == 0
    return root


@pytest.fixture
def lake(with_rows, tmp_path) -> Path:
    root = copy_lake(with_rows, tmp_path / "lake")
    describe(root, description(PX, SIDE))
    return root


AS_TEXT, AS_INTEGER = PX.replace('"number"', '"text"'), PX.replace('"number"', '"integer"')
KIND = "column px is number in silver and {} in the description"
GONE = "silver has a column side (text) and the description has none"
REQUIRED = "column fee is required and the rows in silver have none"
REQUIRED_FEE = FEE.replace(" }", ", required = true }")
REFUSED = {
    "another kind": ((AS_TEXT, SIDE), KIND.format("text")),
    "a narrower kind": ((AS_INTEGER, SIDE), KIND.format("integer")),
    "one column less": ((PX,), GONE),
    "one more that is required": ((PX, SIDE, REQUIRED_FEE), REQUIRED),
    "all of it": ((AS_TEXT, REQUIRED_FEE), "; ".join([KIND.format("text"), GONE, REQUIRED])),
}
TAKEN = {
    "one more": (PX, SIDE, FEE),
    "another order": (SIDE, PX),
    "any word": (PX, '{ name = "side", kind = "text" }'),
    "nothing required": (PX.replace(", required = true", ""), SIDE),
}


class TestRefused:
    """What rows in silver cannot become is refused before anything is written, with the ways out."""

    @pytest.mark.parametrize(("columns", "what"), REFUSED.values(), ids=REFUSED)
    def test_at_a_start(self, with_rows, columns, what):
        describe(with_rows, description(*columns))
        found = pointline(with_rows, "run", "--once")
        assert found.returncode == 78
        assert f"vendors/desk.toml: table fills: {what}: take the change back, or leave" in found.stderr
        with pytest.raises(PointlineError) as error:
            reader.scan("fills", lake_root=with_rows)
        assert what in error.value.hint

    def test_before_it_is_put_into_the_lake_and_taken_back(self, lake):
        other = lake / "desk.toml"
        other.write_text(description(AS_TEXT, SIDE))
        checked = pointline(lake, "vendors", "check", str(other))
        assert (checked.returncode, KIND.format("text") in " ".join(checked.stdout.split())) == (1, True)
        describe(lake, other.read_text())
        drop(lake, 2)
        assert pointline(lake, "run", "--once").returncode == 78
        describe(lake, description(PX, SIDE))
        assert pointline(lake, "run", "--once").returncode == 0
        assert reader.scan("fills", lake_root=lake).collect()["px"].to_list() == [10, 11, 12] * 2

    def test_the_new_one_beside_the_old_one(self, lake):
        describe(lake, description(AS_TEXT, name="fills_2", besides=table(PX, SIDE)))
        drop(lake, 2)
        assert pointline(lake, "run", "--once").returncode == 0
        rows = {name: reader.scan(name, lake_root=lake).collect()["px"].to_list() for name in ("fills", "fills_2")}
        assert rows == {"fills": [10, 11, 12], "fills_2": ["10", "11", "12"]}
        for way in ("withdraw", "retry"):
            assert pointline(lake, way, "1").returncode == 0
        assert pointline(lake, "run", "--once").returncode == 0
        assert reader.scan("fills_2", lake_root=lake).collect().height == 6
        assert pointline(lake, "verify", "--deep").returncode == 0

    def test_by_a_running_daemon_that_goes_on_as_before(self, tmp_path):
        running = Lake(tmp_path / "lake", ingest__rescan_seconds=600)
        describe(running.root, description(PX, SIDE))
        drop(running.root, 1)
        running.start()
        try:
            running.wait_for("file.committed", "fills/X/2024-05-01.csv")
            describe(running.root, description(AS_TEXT, SIDE))
            assert wait_until(lambda: running.events("vendors.refused"), 15)
            (refused,) = running.events("vendors.refused")
            assert KIND.format("text") in refused["problems"][0]
            assert "restart" not in str(refused)
            drop(running.root, 2)
            running.wait_for("file.committed", "fills/X/2024-05-02.csv")
            assert running.table("fills")["px"].to_list() == [10, 11, 12] * 2
        finally:
            running.kill()


class TestTaken:
    """What rows in silver can become, and what an empty table can, is taken at a start."""

    @pytest.mark.parametrize("columns", TAKEN.values(), ids=TAKEN)
    @pytest.mark.share(2)
    def test_with_rows(self, lake, columns):
        describe(lake, description(*columns))
        drop(lake, 2, *(("px,side,at,fee", ",0.5") if FEE in columns else ()))
        assert pointline(lake, "run", "--once").returncode == 0
        rows = reader.scan("fills", lake_root=lake, in_order=True).collect()
        assert rows["px"].to_list() == [10, 11, 12] * 2
        if FEE in columns:
            assert rows["fee"].to_list() == [None] * 3 + [0.5] * 3
        read = pl.scan_delta(str(lake / "silver/fills")).collect()
        assert read.select(rows.columns).sort("file_id", "file_seq").equals(rows)

    @pytest.mark.parametrize("columns", [(AS_INTEGER, SIDE), (AS_TEXT, REQUIRED_FEE)])
    def test_without_rows(self, lake, columns):
        assert pointline(lake, "withdraw", "1").returncode == 0
        describe(lake, description(*columns))
        drop(lake, 2, "px,side,at,fee", ",0.5")
        for _ in range(2):  # the second start finds the table as the first one left it
            assert pointline(lake, "run", "--once").returncode == 0
        rows = reader.scan("fills", lake_root=lake).collect()
        assert rows.height == 3
        assert pl.scan_delta(str(lake / "silver/fills")).collect().select(rows.columns).equals(rows)
        assert pointline(lake, "verify", "--deep").returncode == 0


class TestGone:
    """A table whose description is gone: its rows stay, and whoever would change them says why that cannot be."""

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            (("withdraw", "1"), "the rows of file 1 are in fills, and no description of this lake has that table"),
            (("withdraw", "--dry-run", "1"), "then `pointline withdraw 1`"),
            (("explain", "1"), "It is in bronze; its rows are in fills, and no description of this lake has that"),
            (("trace", "fills", "1", "1"), "it is in silver, and no description of this lake has that table"),
            (("repair", "--dry-run"), "fills has files, and no description of this lake has that table any more"),
            (("repair",), "fills has files, and no description of this lake has that table any more"),
            (("verify",), "table_undescribed: fills"),
        ],
        ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
    )
    def test_it_is_said_with_the_way_out(self, with_rows, command, said):
        (with_rows / "vendors/desk.toml").unlink(missing_ok=True)
        found = pointline(with_rows, *command)
        told = " ".join((found.stdout + found.stderr).split())
        assert said in told
        assert "put its description back into the folder `vendors` of the lake" in told
        assert found.returncode == {"explain": 0, "trace": 2}.get(command[0], 1)

    def test_where_only_the_feed_is_gone(self, lake):
        describe(lake, 'vendor = "mydesk"\n' + table(PX, SIDE) + feed(PX, SIDE).replace("fills/{", "elsewhere/{"))
        (lake / "vendors/desk.toml").write_text(
            (lake / "vendors/desk.toml").read_text().replace('"fills"\np', '"x"\np')
        )
        told = " ".join(pointline(lake, "explain", "1").stdout.split())
        assert "no description of the vendor 'mydesk' has a feed 'fills' any more; its rows stay in fills" in told
        assert "put its TOML file back" in told
        assert pointline(lake, "withdraw", "1").returncode == 0

    def test_a_file_that_would_replace_such_rows_is_refused_until_it_is_back(self, lake):
        anew = description(PX, SIDE, name="fills_2")
        describe(lake, anew)
        file = lake / "bronze/fills/X/2024-05-01.csv"
        file.write_text(file.read_text() + f"13,buy,{1714521600000 + 9}\n")
        assert pointline(lake, "run", "--once").returncode == 1
        (refused,) = reader.files(status="quarantined", lake_root=lake).to_dicts()
        assert "it would replace the rows of file 1, which are in fills, and no description" in refused["error"]
        assert "then `pointline retry 2`" in refused["error"]
        describe(lake, description(PX, SIDE, name="fills_2", besides=table(PX, SIDE)))
        assert pointline(lake, "retry", "2").returncode == 0
        assert pointline(lake, "run", "--once").returncode == 0
        assert reader.scan("fills", lake_root=lake).collect().is_empty()
        assert reader.scan("fills_2", lake_root=lake).collect()["px"].to_list() == [10, 11, 12, 13]
        assert pointline(lake, "verify", "--deep").returncode == 0

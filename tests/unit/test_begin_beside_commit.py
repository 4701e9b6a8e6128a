"""A batch is begun while another one is committed: what the one closes, the other does not put back by older news."""

from __future__ import annotations

import threading

from pointline.services.ingest import absence
from tests.support.memory_lake import MemoryLake
from tests.support.people_contents import DAYS, hive, make_content

A, B, C = (hive("trades", "BTCUSDT", DAYS[0], part) for part in (1, 2, 3))


def content(first: float, last: float, rows: int) -> bytes:
    return make_content("trades", ("BTCUSDT",), DAYS[0], first=first, last=last, rows=rows, issue=1, stray="")


def put(lake: MemoryLake, path: str, data: bytes) -> None:
    file = lake.root / "bronze" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def begin(lake: MemoryLake, path: str):
    meta = lake.source.look(path)
    assert meta is not None
    return lake.process.service.begin([meta])[0]


def test_a_refused_version_that_was_overtaken_is_not_put_back(tmp_path, monkeypatch):
    lake = MemoryLake(tmp_path / "lake")
    put(lake, A, content(1.0, 3.0, 8))
    lake.run()
    put(lake, C, content(1.5, 4.0, 8))
    lake.run()
    assert [row["status"] for row in lake.manifest.rows] == ["success", "quarantined"]  # C overlaps A
    put(lake, C, content(1.5, 5.0, 9))
    newer = begin(lake, C)
    loaded = [lake.process.loader.load(group) for group in newer.groups]
    (lake.root / "bronze" / A).rename(lake.root / "bronze" / B)
    committed = threading.Thread(target=lambda: lake.process.service.commit(newer, loaded))

    def look_up(*args):
        found = effects_refused(*args)
        if not committed.is_alive() and not committed.ident:
            committed.start()
            committed.join(0.5)  # it may have to wait for us
        return found

    effects_refused = absence.refused_because_of
    monkeypatch.setattr(absence, "refused_because_of", look_up)
    begin(lake, B)  # A has moved, and C was refused because of it
    committed.join(10)
    assert not committed.is_alive()
    assert [row["status"] for row in lake.manifest.rows] == ["success", "superseded", "quarantined"]

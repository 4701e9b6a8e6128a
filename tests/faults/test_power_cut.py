"""Power cuts. The runs of a small lake are recorded once and cut at every point, in every way a disk may lose."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support import power_cut
from tests.support.cuts import SEED, Run, check, cuts_of, damage, sample, step
from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file
from tests.support.power_cut import Cut, Disk

SHORT_CUTS = 10
SHORT_MAINTENANCE_CUTS = 8
SHORT_MENDING_CUTS = 5
MAINTENANCE = {"compaction": ("compact", "merge", "checkpoint"), "clean-up": ("checkpoint", "vacuum")}

pytestmark = [
    pytest.mark.skipif(power_cut.can_trace() is not None, reason=power_cut.can_trace() or ""),
    pytest.mark.xdist_group("power_cut"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The runs of a lake, ingest and maintenance in turn."""

    start: Path
    runs: list[Run]
    end: Path


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """New files, more of them, compaction, a replacement, clean-up, and another of each."""
    folder = tmp_path_factory.mktemp("recorded")
    lake = folder / "lake"
    bronze = lake / "bronze"
    fill_first(bronze)
    (lake / "pointline.toml").write_text("[ingest]\nsettle_seconds = 0\n")
    shutil.copytree(lake, folder / "start")
    runs = []

    def record(during: str, *arguments: str, module: str) -> None:
        number = len(runs)
        found = shutil.copytree(bronze, folder / f"bronze-{number}")
        operations = power_cut.record_run(lake, folder / f"trace-{number}", arguments, module=module)
        if module == "pointline_daemon":
            assert_exact(lake, expect(bronze))
        runs.append(
            Run(
                during=during,
                operations=power_cut.join_writes(operations),
                bronze=found,
                is_maintenance=during in MAINTENANCE,
            )
        )

    def ingest(during: str) -> None:
        record(during, "run", "--once", module="pointline_daemon")

    def maintain(during: str, fill: Callable[[Path], None]) -> None:
        """The start after the cut finds new files and has to commit on top of what is there."""
        before = expect(bronze)
        fill(bronze)
        record(during, *MAINTENANCE[during], module="tests.support.maintained")
        assert_exact(lake, before)

    ingest("first ingest")
    fill_second(bronze)
    ingest("second ingest")
    maintain("compaction", fill_third)
    ingest("replacement")
    maintain("clean-up", fill_fourth)
    ingest("ingest after all")
    return Recording(start=folder / "start", runs=runs, end=lake)


def fill_first(bronze: Path) -> None:
    at = 1_714_600_000.0
    put_file(bronze, file_name("trades", "AAA"), file_content(file_name("trades", "AAA"), 5), modified_at=at)
    put_file(bronze, file_name("trades", "BBB"), file_content(file_name("trades", "BBB"), 4, bad=[2]), modified_at=at)
    put_file(bronze, file_name("quotes", "AAA"), file_content(file_name("quotes", "AAA"), 3), modified_at=at)
    name = file_name("trades", "AAA", day="2024-05-02")
    put_file(bronze, name, file_content(name, 2), modified_at=at)


def fill_second(bronze: Path) -> None:
    at = 1_714_700_000.0
    for table in ("trades", "quotes"):
        name = file_name(table, "CCC")
        put_file(bronze, name, file_content(name, 3, bad=[1]), modified_at=at)


def fill_third(bronze: Path) -> None:
    """A replacement of a file that was merged with others, and a new one."""
    at = 1_714_800_000.0
    name = file_name("trades", "AAA")
    put_file(bronze, name, file_content(name, 6, bad=[6], issue=2), modified_at=at)
    name = file_name("quotes", "DDD")
    put_file(bronze, name, file_content(name, 3, bad=[1]), modified_at=at)


def fill_fourth(bronze: Path) -> None:
    at = 1_714_900_000.0
    name = file_name("trades", "CCC")
    put_file(bronze, name, file_content(name, 4, issue=2), modified_at=at)
    name = file_name("trades", "EEE", day="2024-05-02")
    put_file(bronze, name, file_content(name, 2, bad=[2]), modified_at=at)


@pytest.fixture(scope="module")
def all_cuts(recording: Recording) -> list[Cut]:
    return cuts_of(power_cut.load_disk(recording.start), recording.runs)


def torn_by_hand(all_cuts: list[Cut]) -> list[Cut]:
    """One cut for each entry of a log, cut in half as other programs, which flush nothing, may leave it.

    Not of those that only make a table.
    """
    torn: dict[str, Cut] = {}
    for cut in all_cuts:
        entry = re.fullmatch(r"link (silver/.*0+[1-9]\d*\.json)", cut.after)
        content = cut.tree.get(entry[1]) if entry is not None else None
        if entry is not None and content and not cut.tended:
            half = {**cut.tree, entry[1]: content[: len(content) // 2]}
            torn.setdefault(cut.after, replace(cut, tree=half, variant="torn by hand"))
    return list(torn.values())


def cuts_while_mending(cut: Cut, folder: Path) -> list[Cut]:
    """What a second power cut leaves, while the start after the first one is at work."""
    lake = folder / "lake"
    power_cut.rebuild(cut, lake)
    disk = power_cut.load_disk(lake)
    run = power_cut.join_writes(power_cut.record_run(lake, folder / "trace"))
    return cuts_of(disk, [Run(during=f"mending after {cut.during}", operations=run, bronze=cut.bronze)])


def test_the_recording_is_complete(recording: Recording) -> None:
    """Guards the simulation itself: replayed without a cut it gives the very lake that was recorded."""
    disk = power_cut.load_disk(recording.start)
    for operation in (operation for run in recording.runs for operation in run.operations):
        operation.apply(disk)
    found = contents(disk)
    real = {
        path.relative_to(recording.end).as_posix(): path.read_bytes()
        for path in recording.end.rglob("*")
        if path.is_file() and path.relative_to(recording.end).parts[0] == "silver"
    }
    assert found == real


def contents(disk: Disk) -> dict[str, bytes]:
    tree = power_cut._tree(disk, power_cut._all_names, power_cut._whole)
    return {path: content for path, content in tree.items() if content is not None and path.startswith("silver/")}


def test_a_number_is_free_from_the_moment_when_its_close_begins(tmp_path: Path) -> None:
    """Another thread gets the same number before the first one returns: what it flushes counts."""

    def text(path: str) -> str:
        return "".join(f"\\x{byte:02x}" for byte in path.encode())

    lake = tmp_path / "lake"
    entry = text(f"{lake}/entry")
    trace = tmp_path / "trace"
    trace.write_text(
        f"1 close(9<{text('/elsewhere')}> <unfinished ...>\n"
        f'2 openat(AT_FDCWD<{text("/")}>, "{entry}", O_WRONLY|O_CREAT, 0666) = 9<{entry}>\n'
        "1 <... close resumed>) = 0\n"
        f"2 fsync(9<{entry}>) = 0\n"
    )
    assert [one.text for one in power_cut.read_trace(trace, lake)] == ["open entry", "flush entry"]


def test_a_power_cut_loses_and_doubles_nothing(all_cuts: list[Cut], tmp_path: Path) -> None:
    """Guards the flushes and the mending at start-up, on a seeded sample of all cuts."""
    cuts = [cut for cut in all_cuts if not cut.tended]
    check(sample(cuts, SHORT_CUTS, random.Random(SEED), damage), tmp_path)


def test_a_power_cut_during_maintenance_takes_nothing_that_is_needed(all_cuts: list[Cut], tmp_path: Path) -> None:
    """Guards the order of compaction, checkpoint, clean-up of the log and vacuum, and what start-up makes of each."""
    cuts = [cut for cut in all_cuts if cut.tended]
    check(sample(cuts, SHORT_MAINTENANCE_CUTS, random.Random(SEED), step), tmp_path)


def test_no_entry_of_a_log_is_torn(all_cuts: list[Cut]) -> None:
    """Guards that an entry has its content on disk before it has its name, whichever cut comes when."""
    entries = [(cut, path) for cut in all_cuts for path in cut.tree if re.fullmatch(r"silver/.*/\d{20}\.json", path)]
    torn = [f"{cut}: {path}" for cut, path in entries if not (cut.tree[path] or b"").endswith(b"}")]
    assert len({path for _, path in entries}) > 10
    assert not [one for one in torn if "0000000000.json" not in one]


def test_a_second_power_cut_while_the_first_is_mended(all_cuts: list[Cut], tmp_path: Path) -> None:
    """Guards the order of mending: it can be cut short itself and begun again."""
    rng = random.Random(SEED)
    (tmp_path / "mended").mkdir()
    cuts = cuts_while_mending(rng.choice(torn_by_hand(all_cuts)), tmp_path / "mended")
    check(sample(cuts, SHORT_MENDING_CUTS, rng, damage), tmp_path)


@pytest.mark.soak
def test_every_second_power_cut_while_the_first_is_mended(all_cuts: list[Cut], tmp_path: Path) -> None:
    """Guards the order of mending, for a torn entry of every log."""
    cuts: list[Cut] = []
    for number, torn in enumerate(torn_by_hand(all_cuts)):
        (tmp_path / f"mended-{number}").mkdir()
        cuts += cuts_while_mending(torn, tmp_path / f"mended-{number}")
    check(cuts, tmp_path)


@pytest.mark.soak
def test_every_power_cut_loses_and_doubles_nothing(all_cuts: list[Cut], tmp_path: Path) -> None:
    """Guards the flushes and the mending at start-up, on every cut."""
    check(all_cuts, tmp_path)

"""A folder of bronze that was a disk of its own is known for that when it is not mounted."""

from __future__ import annotations

import pytest

from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.bronze.mounts import Mounts
from pointline.io.bronze.paths.layout import Layout
from pointline.io.bronze.paths.unrecognised import Unrecognised

LINE = "36 35 98:0 / {} rw,noatime master:1 - ext3 /dev/root rw\n"


class Machine:
    """A bronze, and what the system says is mounted."""

    def __init__(self, folder) -> None:
        self.bronze = folder / "bronze"
        self.bronze.mkdir()
        self.memory, self.table = folder / "memory", folder / "mountinfo"
        self.mount()

    def mount(self, *names: str) -> None:
        for name in names:
            (self.bronze / name).mkdir(parents=True, exist_ok=True)
        points = ["/", str(self.bronze), "/elsewhere", *(f"{self.bronze}/{name}" for name in names)]
        escaped = [point.replace(" ", "\\040") for point in points]
        self.table.write_text("".join(LINE.format(point) for point in escaped))

    def asked(self) -> Mounts:
        """A process of its own."""
        return Mounts(self.bronze, self.memory, self.table)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_what_was_mounted_is_missed_until_it_is_again(machine):
    machine.mount("nas", "a disk/of mine")
    machine.asked().note()
    assert machine.asked().missing() == []
    machine.mount("nas")
    assert machine.asked().missing() == ["a disk/of mine"]
    machine.asked().note()
    assert machine.asked().missing() == ["a disk/of mine"]
    machine.mount("nas", "a disk/of mine")
    assert machine.asked().missing() == []


def test_a_folder_that_is_gone_is_forgotten(machine):
    machine.mount("nas")
    machine.asked().note()
    machine.mount()
    (machine.bronze / "nas").rename(machine.bronze / "plain")
    machine.asked().note()
    (machine.bronze / "nas").mkdir()
    assert machine.asked().missing() == []


def test_who_only_looks_remembers_nothing(machine):
    machine.mount("nas")
    machine.asked().missing()
    assert not machine.memory.exists()


@pytest.mark.parametrize("content", ["", "no json", "{}", "[1, null]", '["../x"]'])
def test_a_memory_that_is_damaged_is_none(machine, content):
    machine.memory.write_text(content)
    assert machine.asked().missing() == []
    machine.mount("nas")
    machine.asked().note()
    machine.mount()
    assert machine.asked().missing() == ["nas"]


def test_files_in_it_are_not_gone(machine):
    machine.mount("nas")
    mounts = machine.asked()
    mounts.note()
    machine.mount()
    source = FolderBronzeSource(machine.bronze, Layout((), (), {"trades"}), on_trouble=lambda *_: None, mounts=mounts)
    left_out: list[Unrecognised] = []
    source.survey("", left_out)
    assert [(one.path, one.is_unreadable) for one in left_out] == [("nas", True)]
    assert not source.is_gone("nas/x.csv")
    assert source.is_gone("nas2/x.csv")
    machine.mount("nas")
    assert source.is_gone("nas/x.csv")

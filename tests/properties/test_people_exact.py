"""What people do that has one right outcome: steps, and what is then in ledger and silver. Live, and by ``run --once``.

Steps between two points of quiet are one batch. ``.`` is such a point; the last one is understood. A quarter of
the cases is played side by side in one lake, each with folders and symbols of its own; ``POINTLINE_CASE`` plays one
alone.

``A=X`` writes content X to path A, ``A^X`` puts the mtime back after that, ``A@X`` gives it the mtime that X had when
it was first written; ``A>B`` renames, ``A+B`` copies, ``A~B`` links, ``-A`` deletes. ``T`` is a name that is ignored.
"""

from __future__ import annotations

import gzip
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.people import BrokenError, World, hurried
from tests.support.people_contents import DAYS, GROUP, TABLES, client, digest, hive, make_content
from tests.support.people_judge import CLOSED, Picture, describe, judge

RETRIED = "withdrawn|duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``now``: the status of each file in bronze, several with ``|``; ``rows``: the contents in silver, by table."""

    steps: str
    now: str
    trades: str = ""
    liquidations: str = ""
    quotes: str = ""
    closed: str = ""
    """Status of the newest version of paths that bronze has no more."""
    ids: int | None = None
    """How many versions the ledger knows, where no daemon may see a swap half done."""


CASES = {
    # identity: what was moved stays what it was
    "moved": Case(steps="A=X . A>B", now="B success", trades="X", ids=1),
    "moved on and on": Case(steps="A=X . A>B B>C C>A A>C", now="C success", trades="X", ids=1),
    "moved, and a new one": Case(steps="A=X . A>B A=Z", now="A success, B success", trades="X Z", ids=2),
    "moved, and its other part": Case(steps="A=X . A>B A=Y", now="A success, B success", trades="X Y", ids=2),
    "moved, and the next of its name overlaps": Case(
        steps="A=X . A>B A=V", now="A quarantined, B success", trades="X", ids=2
    ),
    "rotated": Case(steps="A=X B=Y . B>C A>B A=Z", now="A success, B success, C success", trades="X Y Z", ids=3),
    "swapped": Case(steps="A=X B=Z . A>T B>A T>B", now="A success, B success", trades="X Z", ids=2),
    "a ring of three": Case(
        steps="A=X B=Y C=Z . A>T B>A C>B T>C", now="A success, B success, C success", trades="X Y Z", ids=3
    ),
    "swapped twice": Case(steps="A=X B=Z . A>T B>A T>B . A>T B>A T>B", now="A success, B success", trades="X Z", ids=2),
    "copied, and the original deleted at once": Case(steps="A=X . A+B -A", now="B success", trades="X"),
    "copied, and the original deleted later": Case(steps="A=X . A+B . -A", now="B duplicate", trades="X", ids=2),
    "deleted": Case(steps="A=X . -A", now="", trades="X", ids=1),
    "deleted, and brought back": Case(steps="A=X . -A . A=X", now="A success", trades="X", ids=1),
    "deleted, and brought to another path": Case(steps="A=X . -A . B=X", now="B success", trades="X"),
    "touched": Case(steps="A=X . touch:A . chmod:A", now="A success", trades="X", ids=1),
    "written again as it was": Case(steps="A=X . A=X", now="A success", trades="X", ids=1),
    "linked": Case(steps="A=X . A~B", now="A success, B duplicate", trades="X"),
    "moved over another, and the next of its name overlaps that": Case(
        steps="A=X B=Y . C=X2 . A>B A=Y2", now="A success|quarantined, B success|quarantined, C success|quarantined"
    ),
    "moved over another": Case(steps="A=X B=Z . A>B", now="B success", trades="X"),
    "copied over another": Case(steps="A=X B=Z . A+B", now="A success, B duplicate", trades="X"),
    "copied under a browser's name": Case(steps="A=X . A+W", now="A success, W duplicate", trades="X"),
    "moved to a browser's name": Case(steps="A=X . A>W", now="W quarantined", trades="X"),
    "two copies, then the original is replaced": Case(
        steps="A=X . A+B A+C . A=Z", now="A success, B success|duplicate, C success|duplicate", trades="X Z"
    ),
    "a copy, then the original is replaced by what overlaps": Case(
        steps="A=X . A+B . A=X2", now="A success, B quarantined", trades="X2"
    ),
    # versions: new content at a known path
    "overwritten": Case(steps="A=X . A=X2", now="A success", trades="X2", ids=2),
    "overwritten, mtime put back": Case(steps="A=X . A^X2", now="A success", trades="X2", ids=2),
    "overwritten twice in a batch": Case(steps="A=X . A=Z A=X2", now="A success", trades="X2"),
    "an older content restored with its time": Case(steps="A=X . A=X2 . A@X", now="A success", trades="X"),
    "restored and overwritten in turns": Case(steps="A=X . A=X2 . A@X . A@X2 . A@X", now="A success", trades="X"),
    "restored while its copy is there": Case(
        steps="A=X . A+B . A=Z . A@X", now="A success|duplicate, B success|duplicate", trades="X"
    ),
    "re-issued elsewhere, the old one gone": Case(steps="A=X . -A B=X2", now="B success", trades="X2", ids=2),
    "re-issued elsewhere, the old one gone for long": Case(
        steps="A=X . -A . B=X2", now="B success", trades="X2", ids=2
    ),
    # held: what would take good rows away
    "cut off": Case(steps="A=X . A=half", now="A quarantined", trades="X"),
    "cut off, then whole again": Case(steps="A=X . A=half . A=X", now="A success", trades="X"),
    "cut off, then whole and newer": Case(steps="A=X . A=half . A=X2", now="A success", trades="X2"),
    "cut to nothing": Case(steps="A=X . A=nothing", now="A quarantined", trades="X"),
    "half at first": Case(steps="A=half . A=X", now="A success", trades="X"),
    "an empty gzip over a good day": Case(steps="A=X . A=empty", now="A quarantined", trades="X"),
    "an empty gzip alone": Case(steps="A=empty", now="A success"),
    "an empty gzip, then the day": Case(steps="A=empty . A=X", now="A success", trades="X"),
    "an empty gzip, the day at another path": Case(steps="A=empty . B=X", now="A success, B success", trades="X"),
    "an empty gzip at another path, the day gone": Case(steps="A=X . -A B=empty", now="B quarantined", trades="X"),
    "too little": Case(steps="A=X . A=small", now="A quarantined", trades="X"),
    "too little, accepted": Case(steps="A=X . A=small . accept:A", now="A success", trades="small"),
    "too little, the good one put back": Case(steps="A=X . A=small . A=X", now="A success", trades="X"),
    "too little at another path": Case(steps="A=X . -A B=small", now="B quarantined", trades="X"),
    "too little at another path, accepted": Case(steps="A=X . -A B=small . accept:B", now="B success", trades="small"),
    "too little at another path, the old one withdrawn": Case(
        steps="A=X . B=small . withdraw:A", now="A withdrawn, B success", trades="small"
    ),
    # overlap, and the ways out
    "overlapping": Case(steps="A=X . B=X2", now="A success, B quarantined", trades="X"),
    "overlapping, put at the old path": Case(steps="A=X . B=X2 . B>A", now="A success", trades="X2", closed="B gone"),
    "overlapping, copied to the old path": Case(
        steps="A=X . B=X2 . B+A", now="A success|duplicate, B success|duplicate", trades="X2"
    ),
    "overlapping, the old one deleted": Case(steps="A=X . B=X2 . -A", now="B success", trades="X2"),
    "overlapping, the old one withdrawn": Case(
        steps="A=X . B=X2 . withdraw:A", now="A withdrawn, B success", trades="X2"
    ),
    "overlapping, the old one becomes another": Case(
        steps="A=X . B=X2 . A=Z", now="A success, B success", trades="X2 Z"
    ),
    "overlapping two": Case(steps="A=X C=Y . B=V", now="A success, C success, B quarantined", trades="X Y"),
    "overlapping two, one deleted": Case(steps="A=X C=Y . B=V . -A", now="C success, B quarantined", trades="X Y"),
    "overlapping, both new": Case(steps="A=X B=X2", now="A success|quarantined, B success|quarantined"),
    "overlapping, deleted": Case(steps="A=X . B=X2 . -B", now="A success", trades="X", closed="B gone"),
    "overlapping, deleted and brought back": Case(
        steps="A=X . B=X2 . -B . B@X2", now="A success, B quarantined", trades="X"
    ),
    "parts that share an instant": Case(steps="B=X C=Y", now="B success, C success", trades="X Y"),
    "parts that share an instant, one after the other": Case(
        steps="C=Y . B=X", now="B success, C success", trades="X Y"
    ),
    "one instant inside": Case(steps="B=X . C=inside", now="B success, C quarantined", trades="X"),
    "one instant at the end": Case(steps="B=X . C=seam", now="B success, C quarantined", trades="X"),
    "a group, then a member": Case(steps="G=both . A=X", now="G success, A quarantined", trades="both"),
    "a group, then a member, the group deleted": Case(steps="G=both . A=X . -G", now="A quarantined", trades="both"),
    "a group, then a member, the group withdrawn": Case(
        steps="G=both . A=X . withdraw:G", now="G withdrawn, A success", trades="X"
    ),
    "a member, then a group": Case(steps="A=X . G=both", now="A success, G quarantined", trades="X"),
    "a member, then a group, the member deleted": Case(steps="A=X . G=both . -A", now="G success", trades="both"),
    "two members, then a group, one deleted": Case(
        steps="A=X E=eth . G=both . -A", now="E success, G quarantined", trades="X eth"
    ),
    "two members, then a group, both deleted": Case(steps="A=X E=eth . G=both . -A -E", now="G quarantined|success"),
    "the same in a member and a group at once, where the member was a copy": Case(
        steps="A=X . A+B . G=Z B=Z", now="A success, B success|duplicate, G success|duplicate", trades="X Z"
    ),
    "the same in a member and a group at once, over the rows of the member": Case(
        steps="A=X B=Y . G=Z B=Z", now="A success, B success|duplicate, G success|duplicate", trades="X Z"
    ),
    # claims
    "moved to another symbol": Case(steps="A=X . A>E", now="E quarantined", trades="X"),
    "moved to another symbol and back": Case(steps="A=X . A>E . E>A", now="A success", trades="X"),
    "moved to a group": Case(steps="A=X . A>G", now="G success", trades="X"),
    "moved to another day": Case(steps="B=X . B>N", now="N quarantined", trades="X"),
    "moved to another table": Case(steps="B=X . B>L", now="L success", liquidations="X"),
    "moved to another table and back": Case(steps="B=X . B>L . L>B", now="B success", trades="X"),
    "copied to another table": Case(steps="B=X . B+L", now="B success, L success", trades="X", liquidations="X"),
    "moved to a table of another header": Case(steps="B=X . B>Q", now="Q quarantined", trades="X"),
    "the folder of a table renamed": Case(
        steps="B=X C=Y . type:trades>liquidations", now="L success, M success", liquidations="X Y"
    ),
    "moved to another table, where it overlaps": Case(
        steps="B=X L=X2 . B>M", now="L success, M quarantined", trades="X", liquidations="X2"
    ),
    "another symbol": Case(steps="E=X", now="E quarantined"),
    "one row of another symbol": Case(steps="A=stray", now="A success", trades="stray"),
    "a browser's copy with other content": Case(steps="A=X . W=X2", now="A success, W quarantined", trades="X"),
    "overlapping, touched, the old one deleted": Case(steps="A=X . B=X2 . touch:B . -A", now="B success", trades="X2"),
    "overlapping, its mode changed, the old one deleted": Case(
        steps="A=X . B=X2 . chmod:B . -A", now="B success", trades="X2"
    ),
    "overlapping, touched, the old one withdrawn": Case(
        steps="A=X . B=X2 . touch:B . withdraw:A", now="A withdrawn, B success", trades="X2"
    ),
    "overlapping, moved, the old one deleted": Case(
        steps="A=X . B=X2 . B>C . -A", now="C success", trades="X2", closed="B gone"
    ),
    "withdrawn, touched, then retried": Case(steps="A=X . withdraw:A . touch:A . retry:A", now="A success", trades="X"),
    "withdrawn, its copy touched, then retried": Case(
        steps="A=X . A+B . withdraw:A . touch:B . retry:B", now="A withdrawn|duplicate, B success", trades="X"
    ),
    "a copy touched, then the original replaced": Case(
        steps="A=X . A+B . touch:B . A=Z", now="A success, B success", trades="X Z"
    ),
    "a copy moved, then the original replaced": Case(
        steps="A=X . A+B . B>C . A=Z", now="A success, C success", trades="X Z"
    ),
    "refused, touched, then retried": Case(steps="E=X . touch:E . retry:E", now="E quarantined"),
    "refused, touched and retried at once": Case(steps="E=X . touch:E retry:E", now="E quarantined"),
    "refused, copied again and retried at once": Case(
        steps="A=X . B=X2 . B=X2 retry:B -A", now="B success", trades="X2"
    ),
    # withdrawn
    "withdrawn": Case(steps="A=X . withdraw:A", now="A withdrawn"),
    "withdrawn, then retried": Case(steps="A=X . withdraw:A . retry:A", now="A success", trades="X", ids=1),
    "withdrawn with its copy": Case(steps="A=X . A+B . withdraw:A", now="A withdrawn, B withdrawn"),
    "withdrawn with its copy, then retried": Case(
        steps="A=X . A+B . withdraw:A . retry:A", now=f"A success, B {RETRIED}", trades="X"
    ),
    "withdrawn, then moved": Case(steps="A=X . withdraw:A . A>B", now="B withdrawn"),
    "withdrawn, then touched": Case(steps="A=X . withdraw:A . touch:A", now="A withdrawn"),
    "withdrawn, then overwritten": Case(steps="A=X . withdraw:A . A=X2", now="A success", trades="X2"),
    "withdrawn, then deleted": Case(steps="A=X . withdraw:A . -A", now="", closed="A withdrawn"),
    "a refused one withdrawn": Case(steps="A=X . B=X2 . withdraw:B", now="A success, B withdrawn", trades="X"),
    "a refused one withdrawn, then the old one deleted": Case(
        steps="A=X . B=X2 . withdraw:B . -A", now="B withdrawn", trades="X"
    ),
}


class Person:
    """Does the steps of a case, in folders of its own and with symbols of its own."""

    def __init__(self, world: World, number: int, case: Case, *, is_watched: bool) -> None:
        self.world = world
        self.is_watched = is_watched
        self.bronze = world.bronze
        self.batches = [batch.split() for batch in case.steps.split(" . ")]
        self.case = case
        self.folder = f"c{number:03}"
        one, other = f"ONE{number:03}", f"TWO{number:03}"
        self.symbols = (one, other)
        self.paths = _paths(self.folder, one, other)
        self.contents = _contents(number, one, other)
        self.names = {digest(data): name for name, data in self.contents.items()}
        self.times: dict[str, int] = {}
        self.troubles: list[str] = []

    def do(self, step: str) -> None:
        if ":" in step:
            verb, _, rest = step.partition(":")
            getattr(self, f"_{verb}")(rest)
        elif step.startswith("-"):
            self._file(step[1:]).unlink()
        else:
            sign = next(one for one in "=^@>+~" if one in step)
            first, second = step.split(sign)
            if sign in "=^@":
                self._write(first, second, sign)
            else:
                self._two(self._file(first), self._file(second), sign)

    def _two(self, source: Path, target: Path, sign: str) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if sign == ">":
            source.replace(target)
        elif sign == "+":
            shutil.copyfile(source, target)
        else:
            target.hardlink_to(source)

    def _file(self, letter: str) -> Path:
        return self.bronze.folder / self.paths[letter]

    def _write(self, letter: str, name: str, sign: str) -> None:
        file = self._file(letter)
        before = file.stat().st_mtime_ns if sign == "^" else 0
        self.bronze.put(self.paths[letter], self.contents[name], in_place=letter in "BC" or sign == "^")
        at = {"=": None, "^": before, "@": self.times.get(name)}[sign]
        if at is not None:
            os.utime(file, ns=(at, at))
        self.times.setdefault(name, file.stat().st_mtime_ns)

    def _touch(self, letter: str) -> None:
        os.utime(self._file(letter))

    def _chmod(self, letter: str) -> None:
        self._file(letter).chmod(0o600)

    def _withdraw(self, letter: str) -> None:
        self._command("withdraw", self.paths[letter])

    def _retry(self, letter: str) -> None:
        self._command("retry", self.paths[letter])

    def _accept(self, letter: str) -> None:
        self.world.deeds.accepted.add(digest(self._file(letter).read_bytes()))
        self._command("retry", self.paths[letter], "--accept")

    def _command(self, *arguments: str) -> None:
        code = self.world.command(*arguments)
        if code != 0:
            self.troubles.append(f"pointline {' '.join(arguments)} ended with {code}")

    def _type(self, tables: str) -> None:
        """Rename the folder of a table."""
        old, new = (self._file("B").parents[2].with_name(f"type={table}") for table in tables.split(">"))
        old.rename(new)

    # ---- afterwards

    def differences(self, picture: Picture) -> list[str]:
        """What is not as the case says."""
        return [*self.troubles, *self._statuses(picture), *self._rows(picture), *self._ledger(picture)]

    def _statuses(self, picture: Picture) -> Iterator[str]:
        wanted = dict(part.split() for part in self.case.now.split(", ") if part)
        for letter, path in self.paths.items():
            found = "absent" if path not in picture.hashes else _status(picture, path)
            if found not in wanted.get(letter, "absent").split("|"):
                yield f"{letter} is {found}, not {wanted.get(letter, 'absent')}"

    def _rows(self, picture: Picture) -> Iterator[str]:
        if "|" in self.case.now and not self.case.trades:
            return
        mine = [one for one in picture.success if one.path.startswith(self.folder)]
        for table in TABLES:
            names = sorted(self.names[one.content or ""] for one in mine if one.file_id in picture.silver[table])
            if names != sorted(getattr(self.case, table).split()):
                yield f"{table} has {' '.join(names) or 'nothing'}, not {getattr(self.case, table) or 'nothing'}"

    def _ledger(self, picture: Picture) -> Iterator[str]:
        mine = [one for one in picture.entries if one.path.startswith(self.folder)]
        for letter, status in (part.split() for part in self.case.closed.split(", ") if part):
            last = [one.status for one in mine if one.path == self.paths[letter]][-1:]
            if last != [status]:
                yield f"{letter} ended as {last}, not {status}"
        if self.case.ids is not None and len(mine) != self.case.ids and not self.is_watched:
            yield f"the ledger has {len(mine)} versions, not {self.case.ids}"


def _paths(folder: str, one: str, other: str) -> dict[str, str]:
    day = DAYS[0]
    below = {
        "A": client("trades", one, day),
        "B": f"tardis/{hive('trades', one, day, 1)}",
        "C": f"tardis/{hive('trades', one, day, 2)}",
        "E": client("trades", other, day),
        "G": client("trades", GROUP, day),
        "L": f"tardis/{hive('liquidations', one, day, 1)}",
        "M": f"tardis/{hive('liquidations', one, day, 2)}",
        "N": f"tardis/{hive('trades', one, DAYS[1], 1)}",
        "Q": f"tardis/{hive('quotes', one, day, 1)}",
        "W": client("trades", f"{one} (1)", day),
        "T": ".held.tmp",
    }
    return {letter: f"{folder}/{path}" for letter, path in below.items()}


def _contents(number: int, one: str, other: str) -> dict[str, bytes]:
    only = ("trades", (one,), DAYS[0])
    found = {
        "X": make_content(*only, first=1, last=2, issue=1),
        "X2": make_content(*only, first=1, last=2, issue=2),  # of the size and the times of X
        "Y": make_content(*only, first=2, last=3, issue=3),  # shares the instant at the seam with X
        "Z": make_content(*only, first=4, last=5, issue=4),
        "Y2": make_content(*only, first=2, last=3, issue=12),
        "V": make_content(*only, first=1.5, last=2.5, issue=5),  # overlaps X and Y
        "small": make_content(*only, first=1, last=2, issue=6, rows=3),
        "inside": make_content(*only, first=1.5, issue=7, rows=1),
        "seam": make_content(*only, first=2, issue=8, rows=1),
        "eth": make_content("trades", (other,), DAYS[0], first=1, last=2, issue=9),
        "both": make_content("trades", (one, other), DAYS[0], first=1, last=2, rows=12, issue=10),
        "stray": make_content(*only, first=1, last=2, issue=11, stray=other),
        "empty": gzip.compress(b"", mtime=number),
        "nothing": b"",
    }
    return {**found, "half": found["X"][: len(found["X"]) // 2]}


def _status(picture: Picture, path: str) -> str:
    """Where the version that lies at a path stands."""
    standing = [one for one in picture.entries if one.path == path and one.status not in CLOSED]
    exact = [one for one in standing if one.content in (picture.hashes[path], None)]
    return exact[-1].status if exact else "unknown"


@dataclass(frozen=True, slots=True)
class Played:
    """All cases after the last step: what is wrong, by case; ``""`` is what belongs to none."""

    problems: dict[str, list[str]]
    told: dict[str, str]


def play_cases(root: Path, form: str, quarter: int) -> Played:
    chosen = os.environ.get("POINTLINE_CASE")
    world = World(root)
    people = {
        name: Person(world, number, case, is_watched=form == "live")
        for number, (name, case) in enumerate(CASES.items())
        if chosen or number % 4 == quarter
    }
    if chosen:
        people = {chosen: people[chosen]}
    problems: dict[str, list[str]] = defaultdict(list)
    try:
        with hurried():
            _play_in_step(world, people, problems, form)
    finally:
        world.stop()
    _sort_in(problems, people, world.audit(), "verify --deep")
    picture = Picture(root, world.deeds)
    for name, person in people.items():
        problems[name] += person.differences(picture)
    lines = describe(root, world.deeds).splitlines()
    told = {name: "\n".join(line for line in lines if person.folder in line) for name, person in people.items()}
    return Played(problems, told)


def _play_in_step(world: World, people: dict[str, Person], problems: dict[str, list[str]], form: str) -> None:
    """The batches of all cases, side by side."""
    if form == "live":
        world.start()
    for number in range(max(len(person.batches) for person in people.values())):
        for person in people.values():
            for step in person.batches[number] if number < len(person.batches) else ():
                person.do(step)
        try:
            world.wait_for_quiet() if form == "live" else world.once()
        except BrokenError as error:
            problems[""].append(f"after batch {number + 1}: {error}")
        _sort_in(problems, people, judge(world.root, world.deeds), f"after batch {number + 1}")


def _sort_in(problems: dict[str, list[str]], people: dict[str, Person], found: list[str], when: str) -> None:
    for problem in found:
        names = [
            name
            for name, person in people.items()
            if any(word in problem for word in (f"{person.folder}/", *person.symbols))
        ]
        for name in names or [""]:
            problems[name].append(f"{when}: {problem}")


@pytest.mark.parametrize("quarter", range(4))
@pytest.mark.parametrize("form", ["live", "stopped"])
@pytest.mark.share(2)
def test_exact(form, quarter, tmp_path):
    """Guards the outcomes of DESIGN §2 that leave no choice, and all that the model asks at each point of quiet."""
    played = play_cases(tmp_path / "lake", form, quarter)
    lines = []
    for name, problems in played.problems.items():
        if problems:
            steps = CASES[name].steps if name else "what belongs to no case"
            lines += [f"{name}: {steps}", *problems, played.told.get(name, "")]
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)

"""Whatever people do and wherever the process ends, each row is in exactly once: the services over fakes.

The acts of people and the judge, plain Python over DESIGN §2, are those of ``test_people``. Here every write of a
table may be the last one before the process ends, or fail in a way that passes, with or without having happened.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from tests.support.memory_lake import CRASH, TROUBLE, MemoryLake
from tests.support.people_acts import WEIGHTS, Bronze
from tests.support.people_judge import describe_picture, judge_picture

NAMES = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
number = st.integers(0, 999)
act = st.tuples(st.sampled_from(NAMES), number, number, number)
fuse = st.none() | st.tuples(
    st.integers(1, 12), st.sampled_from(["before", "after"]), st.sampled_from([CRASH, TROUBLE])
)
burst = st.tuples(
    st.lists(act, min_size=1, max_size=5), st.lists(fuse, min_size=1, max_size=3), st.sampled_from([1, 2, 9])
)

MOVED_TO_A_MEMBER_OVER_ITS_ROWS = [
    ([("new", 316, 626, 574), ("copy", 968, 664, 718), ("new", 806, 718, 21)], [], 1),
    ([("new", 517, 135, 371)], [], 1),
    ([("copy", 991, 850, 310)], [None], 9),
    ([("copy", 924, 249, 603)], [], 1),
    ([("ring", 593, 891, 729)], [], 9),
]
"""What moved counted its own rows as lost, beside those of the path that it came to."""


@example(bursts=MOVED_TO_A_MEMBER_OVER_ITS_ROWS)
@pytest.mark.examples(8)
@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(bursts=st.lists(burst, min_size=1, max_size=6))
def test_exactly_once(bursts):
    with tempfile.TemporaryDirectory() as folder:
        lake = MemoryLake(Path(folder))
        people = Bronze(lake.root / "bronze", lake.deeds, lake.command)
        for acts, fuses, batch_files in bursts:
            for one in acts:
                note(people.do(one))
            for lit in fuses:
                lake.fuse.set(*(lit or (0, "", CRASH)))
                note(f"... {batch_files} in a batch, {lit}")
                lake.run(batch_files=batch_files)
        lake.fuse.set(0, "", CRASH)
        lake.run(fused=False)
        picture = lake.picture()
        problems = judge_picture(picture)
        note(describe_picture(picture))
        assert problems == []

"""From recorded runs to the lakes that a power cut may leave of them, and the check of each."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support import power_cut
from tests.support.power_cut import Cut, Disk, Operation

SEED = 20240501


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one process did. ``bronze`` is what the next start finds; ``again`` and ``leaves`` are as in ``Cut``."""

    during: str
    operations: list[Operation]
    bronze: Path
    is_maintenance: bool = False
    may_be_thin: bool = True
    """Bronze files that are in the lake are not needed by the next start."""
    again: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()


def cuts_of(disk: Disk, runs: list[Run]) -> list[Cut]:
    """Every point in every variant, each state of silver once."""
    rng = random.Random(SEED)
    cuts: list[Cut] = []
    seen: set[tuple[int, object]] = set()
    point = 0
    for number, run in enumerate(runs):
        for operation in run.operations:
            operation.apply(disk)
            point += 1
            for variant, tree in power_cut.variants(disk, rng):
                key = (number, power_cut.identity(tree))
                if key in seen:
                    continue
                seen.add(key)
                thins = [False, True] if variant == "all unflushed dropped" else [len(cuts) % 2 == 1]
                if not run.may_be_thin:
                    thins = [False]
                cuts += [
                    Cut(
                        point=point,
                        after=operation.text,
                        variant=variant,
                        tree=tree,
                        bronze=run.bronze,
                        during=run.during,
                        thin=thin,
                        tended=run.is_maintenance,
                        again=run.again,
                        leaves=run.leaves,
                    )
                    for thin in thins
                ]
    return cuts


def sample(cuts: list[Cut], count: int, rng: random.Random, kind: Callable[[Cut], str]) -> list[Cut]:
    """So many of them at random, every kind among them as far as they go."""
    shuffled = rng.sample(cuts, len(cuts))
    first_of_kind = {kind(cut): cut for cut in reversed(shuffled)}
    chosen = list(first_of_kind.values())
    rest = [cut for cut in shuffled if cut is not first_of_kind[kind(cut)]]
    print(f"seed {SEED}, {len(first_of_kind)} kinds")
    return [*chosen, *rest][:count]


def damage(cut: Cut) -> str:
    return cut.variant


def step(cut: Cut) -> str:
    """What was done last, whatever the table, the version and the part."""
    return re.sub(r"silver/\w+/|[0-9a-f-]{20,}", "", cut.after)


def check(cuts: list[Cut], folder: Path) -> None:
    points = len({cut.point for cut in cuts})
    print(f"{points} points, {len(cuts)} lakes")
    answers = power_cut.start_all(cuts, folder)
    broken = [answer for answer in answers if answer.problems]
    kinds = Counter(answer.problems[0][:160] for answer in broken)
    for kind, count in kinds.most_common():
        print(f"{count} x {kind}")
    shown = "\n".join(f"{answer.cut}: {'; '.join(answer.problems)[:600]}" for answer in broken[:40])
    assert not broken, f"{len(broken)} of {len(cuts)} lakes:\n{shown}"

"""Would the tests notice? Single changes of the modules that decide, and the fast tests that can reach them.

    python -m tests.mutate [MODULE …] [--quick] [--only TEXT] [--sample N] [--seed N] [--minutes N] [--jobs N]

``MODULE`` is a name such as ``services/ingest/verdict``; without one all of ``TESTS``. Each change is
made in a copy of the repository, so that nothing here is touched, and the tests of the module are run until the first
that fails. What survives is named with file and line. No part of the suite: it takes minutes.

The exit code is 1 where fewer than nine of ten changes were found.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, ClassVar, TypeAlias

REPOSITORY = Path(__file__).parents[1]
WANTED_SHARE = 0.9
PATIENCE = 6.0
LEAST_SECONDS = 30.0
"""A change that makes the tests hang is found: they take so many times what they take without one, and then some."""

EFFECTS = ("properties/test_exactly_once", "unit/test_each_effect")
TESTS: dict[str, tuple[str, ...]] = {
    "pointline/services/files/identity/sorting": ("unit/test_identity", *EFFECTS),
    "pointline/services/files/identity/ledger_row": ("unit/test_identity", *EFFECTS),
    "pointline/services/files/identity/lookup": ("unit/test_identity", *EFFECTS),
    "pointline/services/files/identity/moves": ("unit/test_identity", *EFFECTS),
    "pointline/services/files/identity/siblings": ("unit/test_identity", *EFFECTS),
    "pointline/services/files/identity/contents": ("unit/test_identity", *EFFECTS),
    "pointline/services/ingest/verdict": ("unit/test_verdict", "unit/test_overlap", *EFFECTS),
    "pointline/services/files/place/decide": ("unit/test_verdict", "unit/test_overlap", *EFFECTS),
    "pointline/services/files/place/replacement": ("unit/test_overlap", *EFFECTS),
    "pointline/services/files/place/refusals": ("unit/test_overlap", *EFFECTS),
    "pointline/services/files/place/stake": ("unit/test_overlap", *EFFECTS),
    "pointline/services/files/place/overlap": ("unit/test_overlap_days", "unit/test_overlap", *EFFECTS),
    "pointline/services/files/claims": ("unit/test_claims", *EFFECTS),
    "pointline/services/files/copies": ("unit/test_overlap", "unit/test_verdict", *EFFECTS),
    "pointline/services/files/silver_facts": ("unit/test_overlap", "unit/test_verdict", *EFFECTS),
    "pointline/services/files/place/preference": ("unit/test_preference", "unit/test_verdict"),
    "pointline/services/files/awaited": ("unit/test_awaited",),
    "pointline/ahead": ("unit/test_ahead",),
    "pointline/services/ingest/attempts": ("unit/test_attempts",),
    "pointline/services/ingest/recovery": ("unit/test_recovery", *EFFECTS),
    "pointline/services/ingest/departure": ("unit/test_departure", *EFFECTS),
    "pointline/services/ingest/withdrawal": ("unit/test_withdrawal", *EFFECTS),
    "pointline/services/ingest/retry": ("unit/test_retry", *EFFECTS),
    "pointline/services/audit/reconcile": ("unit/test_healing",),
    "pointline/services/audit/overlap_audit": ("unit/test_overlap_audit",),
    "pointline/services/audit/healing": ("unit/test_healing",),
    "pointline/services/ingest/change": ("unit/test_change", "unit/test_healing", *EFFECTS),
    "pointline/services/files/regained": ("unit/test_regained",),
    "pointline/services/compaction": ("unit/test_compaction",),
    "pointline/tables/size_tiers": ("unit/test_size_tiers",),
    "pointline/services/ingest/backlog": ("unit/test_backlog", *EFFECTS),
    "pointline/services/ingest/schedule": ("unit/test_schedule",),
    "pointline/services/ingest/effects": ("unit/test_effects", "unit/test_late_checksums", *EFFECTS),
    "pointline/io/delta_log/mend": ("unit/test_mend",),
    "pointline/io/delta_log/entries": ("unit/test_mend", "unit/test_flushes", "unit/test_removed"),
    "pointline/io/delta_log/removed": ("unit/test_removed",),
    "pointline/io/delta_log/dead_files": ("unit/test_dead_files",),
    "pointline/io/delta_log/loose_files": ("unit/test_loose_files",),
    "pointline/io/clock": ("unit/test_clock",),
    "pointline/io/delta/id_ranges": ("unit/test_id_ranges",),
    "pointline/io/delta/live_parts": ("unit/test_live_parts", "integration/test_symbol_layout"),
    "pointline/io/ledger/manifest_reader": ("unit/test_ledger_read", "integration/test_contract"),
    "pointline/io/ledger/manifest": ("unit/test_flushes", "integration/test_contract", "properties/test_manifest"),
    "pointline/io/ledger/frame": ("unit/test_ledger_frame", "unit/test_ledger_read"),
    "pointline/io/ledger/table": ("unit/test_ledger_table", "unit/test_ledger_read"),
    "daemon/pointline_daemon/arrival/intake": ("unit/test_intake",),
    "daemon/pointline_daemon/process/committing/committer": ("unit/test_committer",),
    "daemon/pointline_daemon/process/maintenance/compactions": ("unit/test_maintenance_pass",),
    "daemon/pointline_daemon/process/maintenance/noted_partitions": ("unit/test_noted_partitions",),
    "daemon/pointline_daemon/arrival/inbox": ("unit/test_inbox",),
    "daemon/pointline_daemon/process/flow": ("unit/test_flow", "unit/test_intake"),
    "daemon/pointline_daemon/arrival/bronze_presence": ("unit/test_bronze_presence",),
    "daemon/pointline_daemon/condition/health": ("unit/test_health",),
    "daemon/pointline_daemon/arrival/waiting": ("unit/test_waiting", "unit/test_intake"),
    "daemon/pointline_daemon/opening/requests": ("unit/test_asking", "unit/test_requests"),
}

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
}
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any", "semi": "anti", "anti": "semi"}
SAID = ("hint", "error", "subject", "reason", "what", "strict", "frozen", "kw_only", "slots")
"""Arguments that are words for people, whose contents are other tests' matter, and assertions, such as ``strict``."""


@dataclass(frozen=True, slots=True)
class Change:
    """One mutant. ``source`` is the whole changed module."""

    module: str
    line: int
    what: str
    source: str

    def __str__(self) -> str:
        return f"{self.module}.py:{self.line}: {self.what}"


def changes_of(module: str) -> list[Change]:
    """All single changes of a module."""
    tree = ast.parse((REPOSITORY / f"{module}.py").read_text())
    nodes = list(ast.walk(tree))
    left_alone = _left_alone(tree)
    found = []
    for number, node in enumerate(nodes):
        if id(node) in left_alone:
            continue
        for what, change in _ways(node):
            changed = copy.deepcopy(tree)
            twin = list(ast.walk(changed))[number]
            before = _short(twin)
            change(twin)
            source = ast.unparse(ast.fix_missing_locations(changed))
            found.append(Change(module, getattr(node, "lineno", 0), f"{what}: {before}", source))
    return found


def _left_alone(tree: ast.Module) -> set[int]:
    """Types, docstrings, words for people, log lines and error texts: no decisions."""
    return {id(one) for node in ast.walk(tree) for part in _said_in(node) for one in ast.walk(part)}


def _said_in(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what of a node is said to people or to the type checker."""
    match node:
        case ast.FunctionDef():
            yield from node.decorator_list
            arguments = (*node.args.args, *node.args.kwonlyargs)
            yield from (one for one in (node.returns, *(arg.annotation for arg in arguments)) if one is not None)
        case ast.ClassDef():
            yield from node.decorator_list
        case ast.AnnAssign():
            yield node.annotation
        case ast.JoinedStr() | ast.Assert() | ast.ImportFrom() | ast.Import():
            yield node
        case ast.keyword(arg=name) if name in SAID:
            yield node.value
        case ast.Expr() if isinstance(node.value, ast.Constant) or _is_log(node.value):
            yield node
        case ast.Subscript() if isinstance(node.slice, ast.Constant):
            yield node.slice


def _is_log(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("log.", "self._say"))


Way: TypeAlias = tuple[str, Callable[[Any], object]]
"""How a node may be changed: in words, and what does it to the twin of the node in a copy of the tree."""


def _ways(node: ast.AST) -> Iterator[Way]:
    for kind, ways in WAYS.items():
        if isinstance(node, kind):
            yield from ways(node)


def _ways_of_comparison(node: ast.Compare) -> Iterator[Way]:
    if (kind := COMPARISONS.get(type(node.ops[0]))) is not None:
        yield f"{type(node.ops[0]).__name__} -> {kind.__name__}", lambda one: one.ops.__setitem__(0, kind())


def _ways_of_connection(node: ast.BoolOp) -> Iterator[Way]:
    other = ast.Or if isinstance(node.op, ast.And) else ast.And
    yield f"-> {other.__name__.lower()}", lambda one: setattr(one, "op", other())
    for position in range(len(node.values)):
        yield f"without part {position + 1}", partial(_take_out, position)


def _take_out(position: int, node: ast.BoolOp) -> None:
    del node.values[position]


def _ways_of_negation(node: ast.UnaryOp) -> Iterator[Way]:
    if isinstance(node.op, ast.Not | ast.Invert):
        yield "negated twice", lambda one: setattr(one, "operand", ast.UnaryOp(op=one.op, operand=one.operand))


def _ways_of_operation(node: ast.BinOp) -> Iterator[Way]:
    kind = OPERATORS.get(type(node.op))
    if kind is not None and not _is_text(node):
        yield f"{type(node.op).__name__} -> {kind.__name__}", lambda one: setattr(one, "op", kind())


def _ways_of_name(node: ast.Name) -> Iterator[Way]:
    if node.id in SWAPPED:
        yield f"-> {SWAPPED[node.id]}", lambda one: setattr(one, "id", SWAPPED[one.id])


def _ways_of_attribute(node: ast.Attribute) -> Iterator[Way]:
    if node.attr in SWAPPED:
        yield f"-> {SWAPPED[node.attr]}", lambda one: setattr(one, "attr", SWAPPED[one.attr])


def _ways_of_condition(node: ast.If | ast.While | ast.IfExp) -> Iterator[Way]:
    if not isinstance(node.test, ast.Constant):
        yield "condition true", lambda one: setattr(one, "test", ast.Constant(value=True))
    yield "condition false", lambda one: setattr(one, "test", ast.Constant(value=False))


def _ways_of_return(node: ast.Return) -> Iterator[Way]:
    if node.value is not None and not _is_none(node.value):
        yield "returns None", lambda one: setattr(one, "value", ast.Constant(value=None))


def _ways_of_statement(_node: ast.AST) -> Iterator[Way]:
    yield "dropped", _drop


def _ways_of_constant(node: ast.Constant) -> Iterator[Way]:
    if isinstance(node.value, bool):
        yield "flipped", lambda one: setattr(one, "value", not one.value)
    elif isinstance(node.value, int | float):
        yield "+1", lambda one: setattr(one, "value", one.value + 1)
        yield "-1", lambda one: setattr(one, "value", one.value - 1)
    elif node.value in ("semi", "anti"):
        yield f"-> {SWAPPED[node.value]}", lambda one: setattr(one, "value", SWAPPED[one.value])


def _drop(node: ast.AST) -> None:
    node.__class__ = ast.Pass  # type: ignore[assignment]
    node._fields = ()  # type: ignore[misc]


WAYS: dict[Any, Callable[[Any], Iterator[Way]]] = {
    ast.Compare: _ways_of_comparison,
    ast.BoolOp: _ways_of_connection,
    ast.UnaryOp: _ways_of_negation,
    ast.BinOp: _ways_of_operation,
    ast.Constant: _ways_of_constant,
    ast.Name: _ways_of_name,
    ast.Attribute: _ways_of_attribute,
    (ast.If, ast.While, ast.IfExp): _ways_of_condition,
    ast.Return: _ways_of_return,
    (ast.Expr, ast.AugAssign, ast.Delete, ast.Continue, ast.Break): _ways_of_statement,
}


def _is_text(node: ast.BinOp) -> bool:
    """Texts are joined for people, types for the type checker; an expression over a column's name is a decision."""
    return _is_type(node) or any(_is_piece_of_text(side) for side in (node.left, node.right))


def _is_piece_of_text(node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr() | ast.Constant(value=str()):
            return True
        case ast.BinOp():
            return _is_text(node)
    return False


def _is_type(node: ast.BinOp) -> bool:
    return isinstance(node.op, ast.BitOr) and any(_is_none(side) for side in (node.left, node.right))


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _short(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:90]


# ---- running


class Copy:
    """A copy of the repository in which one change at a time is made."""

    seconds: ClassVar[dict[str, float]] = {}
    """How long each file of tests takes without a change."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".hypothesis", ".*_cache", "fixtures", "bench")
        shutil.copytree(REPOSITORY, folder, ignore=ignored)

    def finds(self, change: Change, tests: list[str]) -> bool:
        """Make the change, run the tests, undo it; True where one failed."""
        target = self.root / f"{change.module}.py"
        limit = LEAST_SECONDS + PATIENCE * sum(self.seconds[test] for test in tests)
        kept = target.read_bytes()
        target.write_text(change.source)
        try:
            return not self.passes(tests, limit)
        finally:
            target.write_bytes(kept)

    def passes(self, tests: list[str], limit: float | None = None) -> bool:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]
        env = {
            **os.environ,
            "PYTHONPATH": f"{self.root}{os.pathsep}{self.root / 'daemon'}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        try:
            done = subprocess.run(command, cwd=self.root, env=env, capture_output=True, timeout=limit, check=False)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


def tests_of(module: str, *, quick: bool) -> list[str]:
    """The tests that reach a module, the fast ones first."""
    names = [name for name in TESTS[module] if not (quick and name in EFFECTS)] or TESTS[module]
    return [f"tests/{name}.py" for name in names]


def main() -> int:
    asked = _arguments()
    modules = [module for module in TESTS if not asked.modules or module.partition("/")[2] in asked.modules
               or module in asked.modules]  # fmt: skip
    if unknown := {*asked.modules} - {*modules} - {module.partition("/")[2] for module in modules}:
        print(f"no tests are named for {', '.join(sorted(unknown))}")
        return 2
    rng = random.Random(asked.seed)
    changes = [change for module in modules for change in changes_of(module) if asked.only in str(change)]
    total = len(changes)
    rng.shuffle(changes)
    if asked.list:
        print(*sorted(map(str, changes)), sep="\n")
        return 0
    changes = changes[: asked.sample] if asked.sample else changes
    deadline = time.monotonic() + asked.minutes * 60
    survived, found = [], 0
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder, ThreadPoolExecutor(asked.jobs) as pool:
        copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(asked.jobs):
            copies.put(Copy(Path(folder) / f"{number}"))
        first = copies.get()
        tests = {module: tests_of(module, quick=asked.quick) for module in modules}
        for test in sorted({test for change in changes for test in tests[change.module]}):
            started = time.monotonic()
            if not first.passes([test]):
                print(f"{test} fails without any change")
                return 2
            Copy.seconds[test] = time.monotonic() - started
        copies.put(first)

        def judge(change: Change) -> bool | None:
            if time.monotonic() > deadline:
                return None
            mine = copies.get()
            try:
                return mine.finds(change, tests[change.module])
            finally:
                copies.put(mine)

        for change, is_found in zip(changes, pool.map(judge, changes), strict=True):
            if is_found is None:
                continue
            found += is_found
            survived += [] if is_found else [change]
            print("." if is_found else f"\nsurvived {change}", end="", flush=True)
    tried = found + len(survived)
    print(f"\n{found} of {tried} changes were found ({total} there are); survivors:")
    print(*sorted(map(str, survived)), sep="\n")
    return 0 if tried and found >= WANTED_SHARE * tried else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("modules", nargs="*", help="such as services/ingest/verdict; all by default")
    parser.add_argument("--sample", type=int, default=0, help="so many changes, chosen by the seed; all by default")
    parser.add_argument("--only", default="", help="the changes with that in their name, such as `.py:32:`")
    parser.add_argument("--quick", action="store_true", help="without the tests of each effect, which take a minute")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30.0, help="no change is begun after that")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list", action="store_true", help="name the changes and try none")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())

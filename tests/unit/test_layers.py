"""Who may import whom, shown by the imports themselves."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORAGE = {"deltalake", "pyarrow"}
ADAPTERS = {
    "FolderBronzeSource",
    "FileReader",
    "Layout",
    "Limits",
    "DeltaManifest",
    "DeltaTableReader",
    "DeltaTableWriter",
    "DeltaTableRepository",
    "DeltaBatchTable",
    "DeltaEventTable",
    "DeltaQuarantine",
    "DeltaSymbolTable",
    "PartFiles",
    "TableUpkeep",
}
ROOT_MODULES = {"daemon/pointline_daemon/opening/lake.py", "daemon/pointline_daemon/opening/bronze_access.py"}
ADAPTERS_ALLOWED = {
    "daemon/pointline_daemon/process/maintenance/upkeep.py": "TableUpkeep",
    "daemon/pointline_daemon/commands/lake/verify.py": "PartFiles",
}
"""Each wraps what the lake already has."""
BROAD = {"Exception", "BaseException"}
BROAD_ALLOWED = {
    "daemon/pointline_daemon/cli/entry_point.py",  # main
    "daemon/pointline_daemon/logs.py",  # a value that cannot be written must not end what logs it
    "daemon/pointline_daemon/process/part.py",  # a thread's body
    "daemon/pointline_daemon/process/request_desk.py",  # one request's boundary
    "daemon/pointline_daemon/process/maintenance/thread.py",  # the same, of requests for maintenance
    "pointline/io/bronze/paths/layout.py",  # one path's boundary
    "daemon/pointline_daemon/arrival/watcher.py",  # watchdog's thread, and undoing a start that failed
    "pointline/io/content/file_content.py",  # closes the file, raises again
    "pointline/io/delta/parts.py",  # discards a part, raises again
    "pointline/io/content/file_reader.py",  # closes the file, raises again
    "pointline/io/content/packed/streams.py",  # two decoders that share no base class
    "pointline/io/ledger/manifest_reader.py",  # what may have happened is in doubt; raises again
    "pointline/services/compaction.py",  # discards a part, raises again
    "pointline/services/loading/group_load.py",  # one file's boundary; undoes a group, raises again
    "pointline/services/ingest/change.py",  # discards a part, raises again
    "pointline/services/loading/rows_load.py",  # one file's boundary; discards a part, raises again
}


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


class Facts:
    """What a file does, at any depth of it, as far as these tests ask."""

    def __init__(self, path: Path) -> None:
        self.imports: list[str] = []
        self.calls: set[str] = set()
        """The names of what it calls: functions, classes, methods."""
        self.opens_tables = False
        self.attributes: set[str] = set()
        self.of_os: set[str] = set()
        self.broad_handlers: dict[int, bool] = {}
        """The lines of those that catch everything, and whether they only pass."""
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Import():
                    self.imports += [alias.name for alias in node.names]
                case ast.ImportFrom():
                    assert node.level == 0, f"{path}: imports are absolute"
                    assert node.module
                    self.imports += [_imported(node.module, alias.name) for alias in node.names]
                case ast.Call():
                    self.calls |= {called for called in [_name(node.func)] if called}
                    self.opens_tables |= "DeltaTable" in _all_names(node.func)
                case ast.Attribute():
                    self.attributes.add(node.attr)
                    if _name(node.value) == "os":
                        self.of_os.add(node.attr)
                case ast.ExceptHandler(type=caught) if caught is None or BROAD & _all_names(caught):
                    self.broad_handlers[node.lineno] = all(isinstance(one, ast.Pass) for one in node.body)


facts = cache(Facts)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _all_names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def imports(path: Path) -> list[str]:
    return facts(path).imports


def _imported(module: str, name: str) -> str:
    places = (folder.joinpath(*module.split("."), name) for folder in (ROOT, ROOT / "daemon"))
    is_module = any(inner.is_dir() or inner.with_suffix(".py").is_file() for inner in places)
    return f"{module}.{name}" if is_module else module


def names(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_below(module: str, *parents: str) -> bool:
    return any(module == parent or module.startswith(f"{parent}.") for parent in parents)


def is_stdlib(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def strangers(folder: str, *allowed: str) -> list[str]:
    """Imports of a folder that are neither the standard library nor allowed."""
    return [
        f"{names(path)} imports {module}"
        for path in modules(folder)
        for module in imports(path)
        if not is_stdlib(module) and not is_below(module, *allowed)
    ]


def calls(path: Path) -> set[str]:
    return facts(path).calls


VALUES = "msgspec"
"""What value classes are made of, in every layer: the class and each value of it are made in a tenth of the time that
``dataclasses`` take, and a start makes 170 classes, a file dozens of values."""


class TestLayers:
    """Each layer knows the ones below it and no other."""

    def test_tables_know_polars_and_the_error_tree_alone(self):
        assert (
            strangers("pointline/tables", "polars", VALUES, "pointline.tables", "pointline.errors")
            + [name for name in strangers("pointline/tables") if name.endswith("imports pointline")]
            == []
        )

    def test_services_know_protocols_and_no_adapter(self):
        allowed = (
            *(
                "polars",
                VALUES,
                "pointline.ahead",
                "pointline.errors",
                "pointline.phrases",
                "pointline.io.protocols",
                "pointline.services",
            ),
            *("pointline.tables", "pointline.parse", "pointline.vendors"),
        )
        assert strangers("pointline/services", *allowed) == []

    def test_parsing_knows_tables_and_vendors_know_both(self):
        below = ("polars", "pointline.errors", "pointline.tables", "pointline.parse")
        assert strangers("pointline/parse", *below, VALUES) == []
        assert strangers("pointline/vendors", *below, "pointline.vendors", VALUES) == []

    def test_the_library_does_not_know_the_application(self):
        found = [(names(path), module) for path in modules("pointline") for module in imports(path)]
        assert [one for one in found if is_below(one[1], "pointline_daemon", "tests")] == [
            ("pointline/__main__.py", "pointline_daemon.cli")
        ]

    def test_values_are_made_in_one_way(self):
        found = [(names(path), module) for path in modules("pointline", "daemon") for module in imports(path)]
        assert [one for one in found if is_below(one[1], "dataclasses")] == []

    def test_io_does_not_know_services(self):
        found = [(names(path), module) for path in modules("pointline/io") for module in imports(path)]
        assert [one for one in found if is_below(one[1], "pointline.services")] == []

    def test_only_io_touches_storage(self):
        touching = {
            "/".join(names(path).split("/")[:2])
            for path in modules("pointline", "daemon")
            for module in imports(path)
            if module.partition(".")[0] in STORAGE
        }
        assert touching == {"pointline/io"}

    def test_only_the_composition_root_makes_adapters(self):
        """Everybody else gets them from there: a command that assembled its own would open a lake in its own way."""
        makers = {(names(path), made) for path in modules("daemon") for made in calls(path) if made in ADAPTERS}
        assert {maker for maker, _ in makers} <= {*ROOT_MODULES, *ADAPTERS_ALLOWED}
        assert {made for maker, made in makers if maker in ADAPTERS_ALLOWED} <= set(ADAPTERS_ALLOWED.values())

    def test_every_command_that_writes_takes_the_one_way(self):
        """Guards daemon.writing: owner, lock, mend, recover. Whoever keeps or mends a lake does these steps itself."""
        locking = {names(path) for path in modules("daemon") if "LakeLock" in calls(path)}
        keepers = {
            "daemon/pointline_daemon/commands/run.py",
            "daemon/pointline_daemon/commands/lake/doctor.py",
            "daemon/pointline_daemon/commands/lake/repair.py",
        }
        assert locking == {"daemon/pointline_daemon/opening/requests.py", *keepers}
        preparing = {names(path) for path in modules("daemon") if "prepare" in calls(path)}
        assert preparing == {
            "daemon/pointline_daemon/opening/writing.py",
            "daemon/pointline_daemon/process/supervisor.py",
            "daemon/pointline_daemon/commands/lake/doctor.py",
        }
        recovering = {names(path) for path in modules("daemon") if calls(path) & {"recover", "mend"}}
        assert recovering <= {
            "daemon/pointline_daemon/opening/prepare.py",
            "daemon/pointline_daemon/opening/rebuild.py",
            "daemon/pointline_daemon/commands/lake/doctor.py",
        }

    def test_threads_know_no_command(self):
        """The page answers what commands answer, and asks them; whoever moves files does not."""
        rooms = [f"daemon/pointline_daemon/{room}" for room in ("arrival", "process", "condition", "opening")]
        found = [(names(path), module) for path in modules(*rooms) for module in imports(path)]
        assert [one for one in found if is_below(one[1], "pointline_daemon.commands")] == []

    def test_a_room_holds_a_dozen_modules(self):
        """A reader who looks for one job opens one folder."""
        tables = {
            path for path in modules("pointline/tables") if re.search(r"^TABLE\b", path.read_text(), re.MULTILINE)
        }
        others = (path for path in modules("pointline", "daemon") if path.stem != "__init__" and path not in tables)
        rooms = Counter(path.parent for path in others)
        assert {names(room): number for room, number in rooms.items() if number > 12} == {}

    def test_tables_have_no_clock_no_paths_and_no_log(self):
        found = {module for path in modules("pointline/tables") for module in imports(path)}
        assert not found & {"os", "time", "pathlib", "logging", "io", "shutil"}


class TestPaths:
    """delta-rs and Polars misread some paths of tables: one module knows how to name each to them."""

    OWN = "pointline/io/delta/table_path.py"
    TAKE_A_PATH = ("is_deltatable", "file_uris", "get_add_actions", "to_pyarrow_dataset", "scan_delta", "read_delta")
    OF_POLARS = ("scan_parquet", "read_parquet")
    IN_MEMORY = ("pointline/vendors/symbols/columns.py",)

    def uses(self, *attributes: str) -> set[str]:
        return {
            names(path) for path in modules("pointline", "daemon") if facts(path).attributes.intersection(attributes)
        }

    def test_no_other_module_names_a_table_or_its_data_files(self):
        assert self.uses(*self.TAKE_A_PATH) <= {self.OWN}
        polars = {path for path in self.uses(*self.OF_POLARS) if path not in self.IN_MEMORY}
        assert polars == {self.OWN}

    def test_no_other_module_opens_a_table(self):
        """A class to name in a type, and no more."""
        assert {names(path) for path in modules("pointline", "daemon") if facts(path).opens_tables} == {self.OWN}


class TestEnvironment:
    """One module reads the environment; one sets what an allocator reads there."""

    def test_only_the_configuration(self):
        reads = {"environ", "environb", "getenv", "putenv"}
        readers = {names(path) for path in modules("pointline", "daemon") if facts(path).of_os & reads}
        assert readers <= {"pointline/config/__init__.py", "daemon/pointline_daemon/memory.py"}


class TestBroadHandlers:
    """Everything is caught in few places, each for its reason; none of them swallows."""

    def test_only_in_these_places(self):
        assert {names(path) for path in modules("pointline", "daemon") if facts(path).broad_handlers} <= BROAD_ALLOWED

    @pytest.mark.parametrize("path", modules("pointline", "daemon"), ids=names)
    def test_none_only_passes(self, path):
        assert not [line for line, only_passes in facts(path).broad_handlers.items() if only_passes]

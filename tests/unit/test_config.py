from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pointline.config import Config, describe, load_config
from pointline.errors import ConfigurationError
from pointline.settings import KINDS, values_of


def load(
    root: Path, *, toml: str = "", environ: dict[str, str] | None = None, **overrides: dict[str, object]
) -> Config:
    if toml:
        (root / "pointline.toml").write_text(toml, encoding="utf-8")
    return load_config(root, overrides, environ or {})


def problems_of(root: Path, **settings: object) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(root, **settings)
    return caught.value.problems


class TestLake:
    """The lake is the one named by the argument, else by LAKE_ROOT; without either there is a hint what to do."""

    def test_argument_wins_over_environment(self, tmp_path):
        config = load_config(tmp_path / "a", environ={"LAKE_ROOT": str(tmp_path / "b")})
        assert config.paths.root == (tmp_path / "a").resolve()
        assert config.sources["lake_root"] == "flag"

    def test_environment_names_the_lake(self, tmp_path):
        config = load_config(environ={"LAKE_ROOT": str(tmp_path)})
        assert config.paths.root == tmp_path.resolve()
        assert config.sources["lake_root"] == "environment LAKE_ROOT"

    def test_real_environment_is_the_default(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LAKE_ROOT", str(tmp_path))
        monkeypatch.setenv("POINTLINE_INGEST__WORKERS", "3")
        assert load_config().ingest.workers == 3

    @pytest.mark.parametrize("environ", [{}, {"LAKE_ROOT": ""}, {"LAKE_ROOT": "  "}])
    def test_no_lake(self, environ):
        with pytest.raises(ConfigurationError) as caught:
            load_config(environ=environ)
        assert "LAKE_ROOT" in caught.value.hint
        assert "--lake-root" in caught.value.hint

    def test_relative_and_linked_roots_become_absolute(self, tmp_path, monkeypatch):
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        monkeypatch.chdir(tmp_path)
        assert load_config("link", environ={}).paths.root == (tmp_path / "real").resolve()

    @pytest.mark.parametrize("name", ["file", "loop", "nul\0byte"])
    def test_root_that_cannot_be_a_folder(self, tmp_path, name):
        (tmp_path / "file").touch()
        (tmp_path / "loop").symlink_to("loop")
        with pytest.raises(ConfigurationError, match="lake_root = "):
            load_config(f"{tmp_path}/{name}", environ={})

    def test_paths(self, tmp_path):
        paths = load(tmp_path).paths
        root = tmp_path.resolve()
        assert (paths.bronze, paths.silver, paths.state) == (root / "bronze", root / "silver", root / ".pointline")
        assert paths.state_file == root / ".pointline/state.json"
        assert paths.requests == root / ".pointline/requests"
        assert paths.lock_file.parent == paths.state
        assert paths.table("trades") == root / "silver/trades"


class TestDefaults:
    """An empty configuration is a good one, and nothing in it can be changed afterwards."""

    def test_documented_defaults(self, tmp_path):
        config = load(tmp_path)
        assert 2 <= config.ingest.workers <= 8
        assert config.ingest.batch_max_bytes == 256 * 1024**2
        assert config.maintenance.target_file_bytes == 64 * 1024**2
        assert config.bronze.patterns == ()
        assert "*.unconfirmed" in config.bronze.ignore
        assert set(values_of(config.checks).values()) == {"count"}
        assert config.metrics.port is None
        assert set(config.sources.values()) == {"flag", "default"}

    def test_frozen(self, tmp_path):
        config = load(tmp_path)
        with pytest.raises(AttributeError, match="immutable"):
            config.ingest.workers = 1
        with pytest.raises(AttributeError, match="immutable"):
            config.ingest = None


class TestPrecedence:
    """Flag over environment over settings file over default, each key by itself, and the source is known."""

    TOML = "[ingest]\nworkers = 3\nqueue_size = 30\nmax_attempts = 5\n"
    ENVIRON = {"POINTLINE_INGEST__WORKERS": "4", "POINTLINE_INGEST__QUEUE_SIZE": "40"}  # noqa: RUF012 - never changed

    def test_each_key_comes_from_the_first_place_that_names_it(self, tmp_path):
        config = load(tmp_path, toml=self.TOML, environ=self.ENVIRON, ingest={"workers": 5})
        assert (config.ingest.workers, config.ingest.queue_size, config.ingest.max_attempts) == (5, 40, 5)
        assert config.ingest.settle_seconds == 2.0
        assert config.sources["ingest.workers"] == "flag"
        assert config.sources["ingest.queue_size"] == "environment POINTLINE_INGEST__QUEUE_SIZE"
        assert config.sources["ingest.max_attempts"] == str(tmp_path.resolve() / "pointline.toml")
        assert config.sources["ingest.settle_seconds"] == "default"

    def test_flag_of_none_was_not_given(self, tmp_path):
        config = load(tmp_path, environ=self.ENVIRON, ingest={"workers": None}, unheard_of={"key": None})
        assert config.ingest.workers == 4

    def test_a_list_replaces_a_list(self, tmp_path):
        config = load(
            tmp_path, toml='[bronze]\nignore = ["*.a", "*.b"]', environ={"POINTLINE_BRONZE__IGNORE": '["*.c"]'}
        )
        assert config.bronze.ignore == ("*.c",)

    def test_describe_lists_every_setting_with_its_source(self, tmp_path):
        config = load(tmp_path, toml=self.TOML)
        rows = {key: (value, source) for key, value, source in describe(config)}
        expected = {"lake_root"} | {f"{name}.{key}" for name, keys in KINDS.items() for key in keys}
        assert rows.keys() == expected == config.sources.keys()
        assert rows["ingest.workers"] == (3, str(tmp_path.resolve() / "pointline.toml"))


class TestWaysToWriteValues:
    """Text from the environment means what the same value means in the settings file."""

    @pytest.mark.parametrize(
        ("variable", "text", "read"),
        [
            ("MAINTENANCE__ENABLED", "false", lambda c: c.maintenance.enabled is False),
            ("MAINTENANCE__Z_ORDER", '["symbol"]', lambda c: c.maintenance.z_order == ("symbol",)),
            ("INGEST__BATCH_MAX_BYTES", "64 MiB", lambda c: c.ingest.batch_max_bytes == 64 * 1024**2),
            ("INGEST__BATCH_MAX_BYTES", "1.5gb", lambda c: c.ingest.batch_max_bytes == 1_500_000_000),
            ("INGEST__BATCH_MAX_BYTES", " 4096 ", lambda c: c.ingest.batch_max_bytes == 4096),
            ("MAINTENANCE__ENABLED", "Off", lambda c: c.maintenance.enabled is False),
            ("MAINTENANCE__ENABLED", "1", lambda c: c.maintenance.enabled is True),
            ("INGEST__SETTLE_SECONDS", "0.5", lambda c: c.ingest.settle_seconds == 0.5),
            ("LOG__LEVEL", "WARNING", lambda c: c.log.level == "warning"),
            ("METRICS__PORT", "9100", lambda c: c.metrics.port == 9100),
            ("METRICS__PORT", "off", lambda c: c.metrics.port is None),
            ("CHECKS__CROSSED_BOOK", "quarantine", lambda c: c.checks.crossed_book == "quarantine"),
        ],
    )
    def test_environment(self, tmp_path, variable, text, read):
        assert read(load(tmp_path, environ={f"POINTLINE_{variable}": text}))

    def test_settings_file_with_byte_order_mark(self, tmp_path):
        assert load(tmp_path, toml="\ufeff[ingest]\nworkers = 3\n").ingest.workers == 3

    def test_pattern(self, tmp_path):
        pattern = r"(?P<exchange>\w+)/(?P<data_type>\w+)/(?P<date>[\d-]{10})/(?P<symbol>.+)\.csv"
        assert load(tmp_path, bronze={"patterns": [pattern]}).bronze.patterns == (pattern,)


class TestProblems:
    """All problems are reported at once, one line each: path, value, where it stands, what is wrong."""

    def test_all_at_once_with_value_and_source(self, tmp_path):
        problems = problems_of(
            tmp_path,
            toml='stray = 1\n[ingest]\nworkers = 0\noverlap = "maybe"\n[checks]\ncrossed_boook = "off"\n[none]\nx = 1',
            environ={"POINTLINE_INGEST__QUEUE_SIZE": "many", "POINTLINE_LOG__LEVEL": "loud"},
            metrics={"port": 99999},
        )
        toml = f"({tmp_path.resolve() / 'pointline.toml'})"
        expected = [
            ("stray = 1", toml, "not a section"),
            ("ingest.workers = 0", toml, "a whole number >= 1 is expected"),
            ("ingest.overlap = 'maybe'", toml, "'quarantine' or 'allow'"),
            ("checks.crossed_boook = 'off'", toml, "did you mean checks.crossed_book?"),
            ("[none]", toml, "no section of that name"),
            ("ingest.queue_size = 'many'", "(environment POINTLINE_INGEST__QUEUE_SIZE)", "a whole number is expected"),
            ("log.level = 'loud'", "(environment POINTLINE_LOG__LEVEL)", "'debug'"),
            ("metrics.port = 99999", "(flag)", "a whole number <= 65535 is expected"),
        ]
        assert len(problems) == len(expected)
        for parts in expected:
            assert sum(all(part in line for part in parts) for line in problems) == 1, (parts, problems)

    @pytest.mark.parametrize(
        ("variable", "hint"),
        [
            ("POINTLINE_INGEST__WROKERS", "did you mean ingest.workers?"),
            ("POINTLINE_INGEST__LEVEL", "did you mean log.level?"),
            ("POINTLINE_INGETS__WORKERS", "did you mean ingest.workers?"),
            ("POINTLINE_INGEST_WORKERS", "two underscores"),
        ],
    )
    def test_misspelt_variable(self, tmp_path, variable, hint):
        (line,) = problems_of(tmp_path, environ={variable: "4"})
        assert variable in line
        assert hint in line

    def test_misspelt_section_in_settings_file(self, tmp_path):
        (line,) = problems_of(tmp_path, toml="[mantenance]\nenabled = true")
        assert "did you mean maintenance?" in line

    def test_variables_of_others_are_left_alone(self, tmp_path):
        others = {"POINTLINE_HOME": "/x", "POINTLINE_DATABASE__URL": "y", "INGEST__WORKERS": "3"}
        assert load(tmp_path, environ=others) == load(tmp_path, environ={})

    @pytest.mark.parametrize(
        ("patterns", "reason"),
        [
            (["(?P<exchange>"], "not a regular expression"),
            (["(?P<exchange>.)(?P<date>.)"], "lacks the named groups data_type, symbol"),
            ("no list", "a list is expected"),
        ],
    )
    def test_patterns(self, tmp_path, patterns, reason):
        (line,) = problems_of(tmp_path, bronze={"patterns": patterns})
        assert line.startswith("bronze.patterns")
        assert reason in line

    def test_list_in_environment_that_is_no_json(self, tmp_path):
        (line,) = problems_of(tmp_path, environ={"POINTLINE_MAINTENANCE__Z_ORDER": "symbol"})
        assert "written as JSON" in line

    @pytest.mark.parametrize(
        ("section", "key", "value", "reason"),
        [
            ("ingest", "workers", 2.5, "a whole number is expected"),
            ("ingest", "workers", True, "a whole number is expected"),
            ("ingest", "batch_max_bytes", "many MiB", "a number of bytes is expected"),
            ("ingest", "batch_max_bytes", 0, "a whole number >= 1 is expected"),
            ("maintenance", "enabled", "perhaps", "true or false is expected"),
            ("maintenance", "z_order", ["symbol", 3], "a text is expected as item 2"),
            ("maintenance", "z_order", ["symbol", ""], "a text that is not empty is expected as item 2"),
            ("maintenance", "z_order", ["symbol", "symbol"], "names a column twice"),
            ("metrics", "port", "web", "a whole number or `off` is expected"),
        ],
    )
    def test_values_of_another_kind(self, tmp_path, section, key, value, reason):
        (line,) = problems_of(tmp_path, **{section: {key: value}})
        assert line.startswith(f"{section}.{key} = {value!r} (flag): {reason}")

    @pytest.mark.parametrize("value", ["nan", "inf", "-1"])
    def test_times_are_finite_and_not_negative(self, tmp_path, value):
        assert len(problems_of(tmp_path, environ={"POINTLINE_INGEST__SETTLE_SECONDS": value})) == 1

    @pytest.mark.parametrize("content", [b"[ingest\n", b"\xff\xfe", b"[ingest]\nworkers = 1\nworkers = 2\n"])
    def test_unreadable_settings_file_does_not_hide_other_problems(self, tmp_path, content):
        (tmp_path / "pointline.toml").write_bytes(content)
        first, second = problems_of(tmp_path, environ={"POINTLINE_INGEST__WORKERS": "0"})
        assert "pointline.toml" in first
        assert "ingest.workers" in second

    def test_settings_file_that_is_a_folder(self, tmp_path):
        (tmp_path / "pointline.toml").mkdir()
        (line,) = problems_of(tmp_path)
        assert "cannot be read" in line

    def test_a_problem_is_one_line_whatever_the_value(self, tmp_path):
        lines = problems_of(
            tmp_path,
            toml='[ingest]\n"a\\nb" = 1\n',
            environ={"POINTLINE_LOG__LEVEL": "x\n\x1b[31m\udc80", "POINTLINE_LOG__FORMAT": "y" * 10_000},
        )
        assert len(lines) == 3
        assert all(line.isprintable() and len(line) < 400 for line in lines)


class TestStart:
    """What is imported when something starts, and what is not: imports are most of the time that a start takes."""

    @pytest.mark.parametrize(
        ("what", "heavy"),
        [
            pytest.param("pointline.config", "polars deltalake pyarrow structlog", id="settings-need-no-engine"),
            pytest.param(
                "pointline_daemon.lean_imports as lean; lean.import_structlog(); import pointline_daemon.commands.run",
                "rich",
                id="a-run-does-not-draw",
            ),
        ],
    )
    def test_imports(self, what, heavy):
        script = f"import {what}; import sys; print(*(set('{heavy}'.split()) & set(sys.modules)))"
        root = Path(__file__).parents[2]
        done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == ""


def test_a_path_that_is_not_utf_8_is_refused_before_anything_is_made(tmp_path):
    given = os.fsdecode(os.fsencode(tmp_path) + b"/j\xfcrgen")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_config(given)
    assert not list(tmp_path.iterdir())


class TestNeeds:
    """A problem is an error to who needs the setting, and a note to everybody else."""

    @pytest.mark.parametrize(
        ("written", "needs", "is_error"),
        [
            ({"POINTLINE_METRICS__PORT": "x"}, (), False),
            ({"POINTLINE_METRICS__PORT": "x"}, ("ingest",), False),
            ({"POINTLINE_METRICS__PORT": "x"}, ("metrics",), True),
            ({"POINTLINE_METRICS__PORT": "x"}, ("metrics.port",), True),
            ({"POINTLINE_INGEST__WORKERS": "0"}, ("ingest.overlap",), False),
            ({"POINTLINE_INGEST__WORKRES": "1"}, ("ingest",), True),
            ({"POINTLINE_INGEST__WORKRES": "1"}, ("ingest.workers",), False),
            ({"POINTLINE_METRICS__PORT": "x"}, None, True),
        ],
    )
    def test_of_a_setting(self, tmp_path, written, needs, is_error):
        if is_error:
            with pytest.raises(ConfigurationError):
                load_config(tmp_path, environ=written, needs=needs)
            return
        config = load_config(tmp_path, environ=written, needs=needs)
        assert len(config.problems) == 1
        assert (config.metrics.port, config.sources["metrics.port"]) == (None, "default")

    @pytest.mark.parametrize(("needs", "is_error"), [((), False), (("log",), True)])
    def test_of_a_file_that_cannot_be_read(self, tmp_path, needs, is_error):
        (tmp_path / "pointline.toml").write_text("[" * 100_000)
        if is_error:
            with pytest.raises(ConfigurationError):
                load_config(tmp_path, environ={}, needs=needs)
        else:
            assert len(load_config(tmp_path, environ={}, needs=needs).problems) == 1

    def test_the_lake_itself_is_always_needed(self):
        with pytest.raises(ConfigurationError):
            load_config(environ={}, needs=())

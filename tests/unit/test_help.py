"""The topics of ``pointline help`` name everything that people touch: what is missing there does not exist for them."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pointline_daemon import exit_codes
from pointline_daemon.cli.app import app
from pointline_daemon.commands.config import _text
from pointline_daemon.commands.help import ORDER, read_topic, topic_names
from pointline_daemon.events import EVENTS
from pointline_daemon.page.metrics import METRICS
from typer.testing import CliRunner

import pointline
from pointline import errors
from pointline.config import describe, load_config
from pointline.io.descriptions import language_reference
from pointline.services.coverage.asked import State
from pointline.tables.ingest_manifest import Status
from pointline.tables.registry import event_tables
from pointline.tables.rule_names import rule_names
from tests.support.document_blocks import DOCUMENTS, ROOT, TOPICS, VENDOR, blocks, prose, with_tables
from tests.support.help_tables import leaf_commands
from tests.support.words import unwanted

TEXTS = {path.name: path.read_text(encoding="utf-8") for path in DOCUMENTS}
TOPIC = {name: read_topic(name) for name in ORDER}
COMMANDS = dict(leaf_commands())
MENTIONED = re.compile(r"pointline ((?:[a-z]+ )*[a-z]+)((?: [^`\n|&;#>]*)?)")
EVERYWHERE = {"--help", "--lake-root", "--version", "--debug", "--install-completion"}


def literals(*folders: str, name: str) -> set[str]:
    """What the program passes as the keyword ``name``, where that is written out."""
    found = set()
    for path in [path for folder in folders for path in (ROOT / folder).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == name and isinstance(node.value, ast.Constant):
                found.add(node.value.value)
    return found


def documented() -> Iterator[tuple[str, str]]:
    """Pairs of a topic and a thing that has to stand there as code."""
    yield from (("tables", name) for name in [*event_tables(), "ingest_manifest", "quarantine", "dim_symbol"])
    yield from (("events", name) for name in EVENTS)
    yield from (("metrics", name) for name in METRICS)
    yield from (("files", status.value) for status in Status)
    yield from (("operating", word) for word in literals("daemon", name="word"))
    yield from (("python", name) for name in pointline.__all__)
    yield from (
        ("python", name)
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, errors.PointlineError)
    )
    checks = {check.name for table in event_tables().values() for check in table.checks}
    yield from (("tables", rule) for rule in rule_names())
    yield from (("settings", f"checks.{name}") for name in checks)


@pytest.mark.parametrize(("topic", "name"), sorted(set(documented())))
def test_it_is_there(topic, name):
    assert re.search(rf"`(?:pointline\.)?{re.escape(name)}`", TOPIC[topic]) or f"\n### {name}\n" in TOPIC[topic]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_and_options(command):
    section = TOPIC["commands"].partition(f"### `{command}")[2].partition("\n### ")[0]
    options = {
        option
        for param in COMMANDS[command].command.params
        if not getattr(param, "hidden", False)
        for option in param.opts
        if option.startswith("--")
    }
    assert {option for option in options - EVERYWHERE if f"`{option}" not in section} == set()


@pytest.mark.parametrize("code", sorted(code for name, code in vars(exit_codes).items() if name.startswith("EXIT_")))
def test_exit_codes(code):
    assert f"\n| {code} | " in TOPIC["commands"]


def defaults() -> list[tuple[str, str]]:
    rows = describe(load_config("/", environ={}))
    return [(key, _text(key, value)) for key, value, _ in rows if key != "lake_root"]


@pytest.mark.parametrize(("setting", "default"), defaults())
def test_settings_with_their_defaults(setting, default):
    line = re.search(rf"^\| `{setting}` \| (.*?) \| ", TOPIC["settings"], re.MULTILINE)
    assert line, f"{setting} is not in the topic settings"
    if setting == "ingest.workers":
        assert "processors" in line[1]
    elif setting == "bronze.ignore":
        listed = TOPIC["settings"].partition("`bronze.ignore` holds")[2].partition("A list of your own")[0]
        assert set(re.findall(r"[^\s`(),]+", " ".join(re.findall(r"`([^`]*)`", listed)))) == set(default.split(", "))
    else:
        assert line[1] == f"`{default}`"


def test_no_setting_that_there_is_not():
    named = set(re.findall(r"^\| `(\w+\.\w+)` \| ", TOPIC["settings"], re.MULTILINE))
    assert named == {setting for setting, _ in defaults()}


@pytest.mark.parametrize("state", list(State))
def test_states_of_a_day(state):
    assert state.value.replace("_", " ") in TOPIC["files"].partition("## Coverage")[2]


def test_alerts_ask_for_metrics_that_exist():
    asked = set(re.findall(r"\bpointline_[a-z_]+", TOPIC["alerts"] + TEXTS["README.md"])) - {"pointline_daemon"}
    assert asked - {f"{name}{end}" for name in METRICS for end in ("", "_count")} == set()


class TestEveryDocument:
    """The README and the topics."""

    @pytest.mark.parametrize("name", TEXTS)
    def test_its_tables_are_those_of_the_program(self, name):
        assert TEXTS[name] == with_tables(TEXTS[name]), "python -m tests.support.documents writes them anew"

    @pytest.mark.parametrize("name", TEXTS)
    def test_it_says_it_in_the_words_of_the_product(self, name):
        assert unwanted(prose(TEXTS[name])) == []

    def test_so_does_the_language_of_descriptions(self):
        assert unwanted(prose(language_reference())) == []

    @pytest.mark.parametrize("name", TEXTS)
    def test_commands_that_it_names_exist(self, name):
        unknown = []
        for words, rest in MENTIONED.findall(TEXTS[name]):
            full = max((one for one in COMMANDS if f"pointline {words} ".startswith(f"{one} ")), key=len, default="")
            options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest))
            if not full:
                groups = {one.split()[1] for one in COMMANDS if one.count(" ") > 1}
                unknown += [words] if words.split()[0] not in groups and rest.startswith(" ") and options else []
                continue
            known = {option for param in COMMANDS[full].command.params for option in param.opts} | EVERYWHERE
            unknown += [f"{full} {option}" for option in options - known]
        assert unknown == []

    @pytest.mark.parametrize("name", TEXTS)
    def test_its_links_lead_somewhere(self, name):
        folder = ROOT if name == "README.md" else TOPICS
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", TEXTS[name]):
            assert target.startswith("https://") or (folder / target).exists(), target
        for anchor in re.findall(r"\]\(#([^)]*)\)", TEXTS[name]):
            titles = re.findall(r"^#+ (.*)$", TEXTS[name], re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}

    @pytest.mark.parametrize("name", TEXTS)
    def test_topics_that_it_names_exist(self, name):
        assert set(re.findall(r"pointline help ([a-z-]+)", TEXTS[name])) - set(ORDER) == set()

    @pytest.mark.parametrize("name", TEXTS)
    def test_examples_of_settings_are_good_and_shell_is_shell(self, name, tmp_path):
        for block in blocks(TEXTS[name]):
            if block.language == "toml" and not VENDOR.search(block.text):
                tomllib.loads(block.text)
                (tmp_path / "pointline.toml").write_text(block.text)
                load_config(tmp_path, environ={})
            elif block.language == "json":
                assert json.loads(block.text)["event"] in EVENTS
            elif block.language == "sh":
                subprocess.run(["bash", "-n", "-c", block.text], check=True)

    @pytest.mark.parametrize("name", TEXTS)
    def test_nothing_of_the_machine_is_in_it(self, name):
        assert not re.search(r"/tmp/\w{8}|/work/|/root/", TEXTS[name])


class TestTheCommand:
    """``pointline help``."""

    def test_every_topic_is_listed_and_read(self):
        said = self.run()
        assert [line.split()[0] for line in said.splitlines()[1 : len(ORDER) + 1]] == list(ORDER)
        assert {path.stem for path in TOPICS.glob("*.md")} == set(ORDER)
        for topic in ORDER:
            assert self.run(topic).startswith("# ")
            assert "<!--" not in self.run(topic)

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            ("setings", "`pointline help settings`"),
            ("started", "`pointline help getting-started`"),
            ("trouble", "`pointline help troubleshooting`"),
            ("retry", "`pointline retry --help`"),
            ("xyzzy", "`pointline help` lists"),
        ],
    )
    def test_a_topic_that_does_not_exist(self, wrong, named, capsys):
        assert CliRunner().invoke(app, ["help", wrong]).exit_code == exit_codes.EXIT_USAGE
        assert named in CliRunner().invoke(app, ["help", wrong]).output

    def test_names_complete(self):
        assert topic_names("ge") == ["getting-started"]
        assert topic_names("") == list(ORDER)

    @staticmethod
    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["help", *words])
        assert done.exit_code == 0
        return done.output


def test_the_readme_links_every_topic():
    for topic in ORDER:
        assert f"(daemon/pointline_daemon/help/{topic}.md)" in TEXTS["README.md"]


def test_the_paths_of_the_topics_are_packaged():
    packaged = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert "help/*.md" in packaged["pointline_daemon"]
    assert Path(TOPICS).parent.name == "pointline_daemon"

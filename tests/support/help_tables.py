"""Tables of the documentation that are computed from the program, each by the name of its block."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import polars as pl
import typer
from pointline_daemon.cli.app import app
from pointline_daemon.event_fields import FIELDS, OF_FILE
from pointline_daemon.events import EVENTS
from pointline_daemon.page.metrics import METRICS
from typer.main import get_command

from pointline import errors
from pointline.tables import dim_symbol, ingest_manifest, quarantine
from pointline.tables.registry import event_tables
from pointline.tables.rule_names import RULES
from pointline.tables.schema import EventTable
from pointline.tables.symbols import observations as symbol_observations

TYPES: Final = {
    "Datetime(time_unit='us', time_zone='UTC')": "Time",
    "List(Float64)": "[Float64]",
    "List(Int64)": "[Int64]",
    "List(String)": "[String]",
    str(ingest_manifest.DAYS): "[`date` Date, `rows` Int64]",
}


def leaf_commands() -> Iterator[tuple[str, typer.Context]]:
    """Yield each command with its full name, in the order of ``--help``."""
    group = get_command(app)
    assert hasattr(group, "commands")
    for name, command in group.commands.items():
        for below, leaf in getattr(command, "commands", {"": command}).items():
            if not leaf.hidden:
                full = f"pointline {name} {below}".rstrip()
                yield full, leaf.make_context(full, [], resilient_parsing=True)


def _commands() -> str:
    found = []
    for full, context in leaf_commands():
        command = context.command
        words = [word for param in command.params for word in _usage(param)]
        lines = [f"### `{' '.join([full, *words])}`", "", (command.help or "").strip()]
        told = [
            f"- `{', '.join(param.opts)}{_value(param)}`: {getattr(param, 'help', '')}{_default(param)}"
            for param in command.params
            if not getattr(param, "hidden", False) and getattr(param, "help", "") and "--lake-root" not in param.opts
        ]
        examples = (command.epilog or "").removeprefix("Example: ").split(", or: ")
        found.append(
            "\n".join(
                [*lines, "", *told, *[""] * bool(told), f"Example: {', or: '.join(f'`{one}`' for one in examples)}"]
            )
        )
    return "\n\n".join(found)


def _usage(param: object) -> Iterator[str]:
    if getattr(param, "param_type_name", "") == "argument":
        metavar = getattr(param, "metavar", None) or str(getattr(param, "name", "")).upper()
        yield metavar if getattr(param, "required", False) or metavar.startswith("[") else f"[{metavar}]"


def _value(param: object) -> str:
    if getattr(param, "is_flag", False) or getattr(param, "param_type_name", "") == "argument":
        return ""
    if choices := getattr(getattr(param, "type", None), "choices", None):
        return f" {'|'.join(str(getattr(one, 'value', one)) for one in choices)}"
    return f" {getattr(param, 'metavar', None) or str(getattr(param, 'name', 'x')).upper()}"


def _default(param: object) -> str:
    default = getattr(param, "default", None)
    if default is None or isinstance(default, bool) or getattr(param, "required", False):
        return ""
    said = getattr(default, "value", default)
    return f" Default: {said}." if said not in ("", ()) else ""


def _two_columns(title: str, second: str, rows: dict[str, str]) -> str:
    return "\n".join([f"| {title} | {second} |", "| --- | --- |", *(f"| `{a}` | {b} |" for a, b in rows.items())])


def _type(kind: pl.DataType) -> str:
    return TYPES.get(str(kind), str(kind))


def _event_tables() -> str:
    return "\n\n".join(f"### {table.name}\n\n{_event_table(table)}" for table in event_tables().values())


def _event_table(table: EventTable) -> str:
    columns = ", ".join(f"`{name}` {_type(kind)}" for name, kind in table.silver_schema.items())
    checks = ", ".join(f"`{check.name}`" for check in table.checks)
    return f"{columns}\n\nChecks: {checks or 'none'}."


def _own_tables() -> str:
    modules = (ingest_manifest, quarantine, dim_symbol, symbol_observations)
    schemas = {module.NAME: module.SCHEMA for module in modules}
    schemas[symbol_observations.STATES_NAME] = symbol_observations.STATES_SCHEMA
    return "\n\n".join(
        f"### {name}\n\n" + ", ".join(f"`{column}` {_type(kind)}" for column, kind in schema.items())
        for name, schema in schemas.items()
    )


def _errors() -> str:
    rows = {
        name: inspect.cleandoc(one.__doc__ or "").replace("``", "`").replace("\n", " ")
        for name, one in vars(errors).items()
        if inspect.isclass(one) and issubclass(one, errors.PointlineError)
    }
    return _two_columns("error", "means", rows)


def _events() -> str:
    rows = [
        f"| `{name}` | {means} | {_fields(FIELDS[name]) if FIELDS[name] != OF_FILE else 'as in the line above'} |"
        for name, means in EVENTS.items()
    ]
    return "\n".join(["| event | means | fields |", "| --- | --- | --- |", *rows])


def _fields(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


TABLES: Final[dict[str, Callable[[], str]]] = {
    "commands": _commands,
    "events": _events,
    "metrics": lambda: _two_columns("metric", "is", METRICS),
    "event-tables": _event_tables,
    "own-tables": _own_tables,
    "errors": _errors,
    "rules": lambda: _two_columns("rule", "means", RULES),
}

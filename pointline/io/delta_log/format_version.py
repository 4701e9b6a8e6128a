"""Which release can read a table: a number in the table's own configuration, raised when what is written changes.

A table of a release that wrote no number has version 0. A start upgrades older tables, the ledger first: every command
looks at the ledger, so that none of an older release goes on beside a lake that is half upgraded.
"""

from __future__ import annotations

from collections.abc import Mapping

from pointline.errors import NewerFormat

FORMAT_VERSION = 1
"""1: outcomes in commits carry the names of their facts."""
PROPERTY = "pointline.formatVersion"


def version_in(configuration: Mapping[str, object]) -> int:
    """Return the format version of a table with that configuration; what is no number is newer than any."""
    told = str(configuration.get(PROPERTY, 0))
    return int(told) if told.isascii() and told.isdecimal() else FORMAT_VERSION + 1


def require_known(table: str, configuration: Mapping[str, object]) -> None:
    """Raise NewerFormat where a later release wrote the table."""
    if version_in(configuration) > FORMAT_VERSION:
        raise NewerFormat(
            f"{table} has format version {configuration[PROPERTY]}, and this pointline knows versions up to "
            f"{FORMAT_VERSION}: a later release wrote it",
            subject=table,
            hint="install that release again, or a later one: `pip install --upgrade pointline`",
        )

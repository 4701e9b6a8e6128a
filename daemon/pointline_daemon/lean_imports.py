"""structlog, imported without rich.

structlog imports rich for a renderer of its own that nothing here uses, if rich is there. That is a tenth of the time
that a run takes to start.
"""

from __future__ import annotations

import importlib
import sys


def import_structlog() -> None:
    """Import structlog as if rich were not installed. Whoever wants rich itself imports it afterwards, as always."""
    if "rich" in sys.modules or "structlog" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # importing it fails while this stands
    try:
        importlib.import_module("structlog")
    finally:
        del sys.modules["rich"]

"""JSON in ASCII alone, quickly."""

from __future__ import annotations

import json
from contextlib import suppress

import msgspec

_encode = msgspec.json.Encoder().encode


def ascii_json(value: object) -> bytes:
    """Return JSON without blanks. What lies beyond ASCII is escaped: a terminal obeys some of it."""
    # Neither half a character, as in a name that is no UTF-8, nor a very long integer is for the quick one.
    with suppress(UnicodeEncodeError, OverflowError):
        if (text := _encode(value)).isascii():
            return text
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()

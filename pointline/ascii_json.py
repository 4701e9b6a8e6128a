"""JSON in ASCII alone, quickly."""

from __future__ import annotations

import json

import msgspec

_encode = msgspec.json.Encoder().encode


def ascii_json(value: object) -> bytes:
    """Return JSON without blanks. What lies beyond ASCII is escaped: a terminal obeys some of it."""
    try:
        text = _encode(value)
    except (UnicodeEncodeError, OverflowError):  # half a character, as in a name that is no UTF-8; a very long integer
        text = b"\xff"
    return text if text.isascii() else json.dumps(value, separators=(",", ":"), allow_nan=False).encode()

"""The decoders by the names that descriptions have for them."""

from __future__ import annotations

from collections.abc import Mapping

from pointline.io.decoders.bi5 import decode_bi5
from pointline.io.decoders.dbn import decode_dbn
from pointline.io.decoders.decoder import Decoder

DECODERS: Mapping[str, Decoder] = {"bi5": decode_bi5, "dbn": decode_dbn}
EMPTY_IS_WHOLE = frozenset({"bi5"})
"""A file of no bytes is how these say that nothing happened; of others it is one that is not written yet."""

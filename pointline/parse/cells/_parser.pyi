from typing import TypeAlias

Capsules: TypeAlias = tuple[object, object]  # an Arrow schema and an Arrow array, as __arrow_c_array__ returns them

EDITION: str

def parse(data: bytes, kinds: bytes, words: tuple[tuple[bytes, ...], ...]) -> tuple[list[Capsules], bool] | None: ...

"""What the name of a file in an archive says, where it is named as the files of the feed are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from pointline.vendors.paths.template import PathTemplate

ARCHIVES = re.compile(r"zip|tar|tgz")
GROUP = re.compile(r"(\(\?P[<=]\w+)([>)])")


def member_pattern(templates: Sequence[PathTemplate], fields: AbstractSet[str]) -> str:
    """Return a pattern for the names of members that finds these fields as ``FIELD__NUMBER``; empty where none can.

    It fits any name: a member may be called otherwise, and says nothing then.
    """
    packed = [one for one in templates if ARCHIVES.search(one.name_text.rpartition(".")[2])]
    stems = dict.fromkeys(one.stem_pattern(fields) for one in packed if fields & one.fields_of_name)
    found = "|".join(GROUP.sub(rf"\1__{number}\2", stem) for number, stem in enumerate(stems))
    return rf"^(?:(?:.*/)?(?:{found})(?:\.[A-Za-z]+)*$)?" if found else ""

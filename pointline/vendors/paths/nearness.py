"""Which feeds a path nearly is of, and what keeps it from being: for people who wonder why a file is not read."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from pointline.vendors.describe import Description
from pointline.vendors.paths.template import Miss, PathTemplate
from pointline.vendors.paths.written_out import written_out

FIELD = re.compile(r"\{[^}]*\}")
ENDING = re.compile(r"\.(?:csv|txt|zip|gz|zst|jsonl?|parquet)\b")
LETTERS = re.compile(r"[A-Za-z]")
LIKE = 0.4
NEAR = 0.5
"""So much of a name has to fit before a feed is named at all."""


class Near(Struct, frozen=True, kw_only=True):
    """A feed that does not claim a path, by the nearest of its templates."""

    description: Description
    template: PathTemplate
    miss: Miss

    @property
    def is_like(self) -> bool:
        """Tell whether path and template have something in common that not every path has with it."""
        fits_folder = self.miss.fits_folder and bool(self.template.folder_text)
        return fits_folder or (is_telling(self.template) and (self.miss.fits_name or self.miss.near >= LIKE))

    @property
    def is_near(self) -> bool:
        """Tell whether the path may well have been meant for the feed."""
        return self.miss.fits_name or self.miss.fits_folder or self.miss.near >= NEAR

    def as_json(self) -> dict[str, str]:
        """Return it for programs."""
        return {"feed": self.description.name, "path": self.template.text, "why": self.miss.why}

    @property
    def folders(self) -> str:
        """The folders of the template, as a person would write them."""
        return written_out(self.template.folder_text.removesuffix("/**"))


def nearest(descriptions: Iterable[Description], path: str) -> list[Near]:
    """Return the feeds that do not claim a path, those whose names are nearest to it first."""
    folder, _, name = path.rpartition("/")
    found = []
    for one in descriptions:
        misses = [(template.miss(folder, name), template) for template in one.paths]
        if not misses or any(not miss.why for miss, _ in misses):
            if (word := next((word for word in one.text.not_in if word in folder.lower()), "")) and misses:
                why = f"it is in a folder with {word} in its name, and files of this feed are not"
                found.append(Near(description=one, template=one.paths[0], miss=misses[0][0]._replace(why=why)))
            continue
        miss, template = max(misses, key=lambda pair: _rank(*pair))
        found.append(Near(description=one, template=template, miss=miss))
    return sorted(found, key=lambda near: _rank(near.miss, near.template), reverse=True)


def _rank(miss: Miss, template: PathTemplate) -> tuple[bool, bool, float]:
    return miss.fits_name and is_telling(template), miss.fits_folder and miss.near > 0, miss.near


def is_telling(template: PathTemplate) -> bool:
    """Tell whether a name has to have letters of its own: any file is called as ``{symbol}.csv``."""
    return LETTERS.search(ENDING.sub("", FIELD.sub("", template.name_text))) is not None

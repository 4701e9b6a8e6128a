"""Every failure Pointline raises on purpose, in one tree.

An error names what was attempted (the message), about what (``subject``: a path, a table, a setting) and what a person
can do (``hint``). Whether repeating the operation can help is a matter of type: ``Transient`` or not.
"""

from __future__ import annotations

from typing import Final

CHECK: Final = "run `pointline config check`"


class PointlineError(Exception):
    """Base of the tree. ``str(error)`` is one line: what happened. A traceback shows the hint below it."""

    def __init__(self, message: str, *, subject: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.subject = subject
        self.hint = hint
        if hint:
            self.add_note(f"try: {hint}")


class ConfigurationError(PointlineError):
    """Settings that cannot be used. ``problems`` lists all of them, one line each."""

    def __init__(self, problems: list[str], *, hint: str = CHECK) -> None:
        super().__init__("; ".join(problems), hint=hint)
        self.problems = problems


class WrongUse(PointlineError):
    """Options that exclude each other, or a value that an option cannot have."""


class UnknownValue(WrongUse):
    """A value that names nothing: there is no such table, file, rule, exchange, ... The hint has near names."""


class LakeInUse(PointlineError):
    """Another process holds the writer's lock of this lake."""


class LakeReplaced(PointlineError):
    """The folder at the lake's path is not the one whose lock the process holds; writing there is somebody else's."""


class NotTheOwner(PointlineError):
    """The process runs as a user who does not own the lake, and may not write it."""


class LakeDamaged(PointlineError):
    """The lake's own tables cannot be read or disagree with each other; a person has to look."""


class NewerFormat(PointlineError):
    """A later release wrote the lake: this one neither reads nor writes it."""


class Rejected(PointlineError):
    """The content of a bronze file cannot be accepted. Final for this file version: ``quarantined``."""


class OtherHeader(Rejected):
    """The first line of a bronze file is none that its description has. ``line`` is what it says."""

    def __init__(self, message: str, *, subject: str, hint: str, line: str) -> None:
        super().__init__(message, subject=subject, hint=hint)
        self.line = line


class WrongChecksum(Rejected):
    """The file beside a bronze file says another checksum. ``content_hash`` is that of the bronze file."""

    def __init__(self, message: str, *, subject: str, hint: str, content_hash: str) -> None:
        super().__init__(message, subject=subject, hint=hint)
        self.content_hash = content_hash


class NotDescribed(Rejected):
    """No description has the feed any more under which a file was taken."""


class Transient(PointlineError):
    """Trouble that may pass; the operation left nothing behind and may be repeated."""


class Unfinished(Transient):
    """A bronze file that ends early: the rest may still arrive."""


class ChangedWhileRead(Transient):
    """A bronze file that changed while it was read: it has to be looked at afresh."""


class Stopping(Transient):
    """The process is about to end: a bronze file that it was reading is read again at the next start."""


class DiskFull(Transient):
    """No space, or no quota, left on the lake's file system."""


class StorageTrouble(Transient):
    """An I/O error, missing permission, or too many open files."""


class PartsLost(Transient):
    """Data files that were written are not there any more: they have to be written again. ``paths`` names them."""

    def __init__(self, message: str, *, paths: frozenset[str], subject: str = "", hint: str = "") -> None:
        super().__init__(message, subject=subject, hint=hint)
        self.paths = paths


class NoAccess(StorageTrouble):
    """Missing permission, or a read-only file system: passes when a person changes that, however long it takes."""


class CommitConflict(Transient):
    """A foreign writer committed to the table in between."""

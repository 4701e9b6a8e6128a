"""Tells bronze that was emptied at once, or is not mounted, from bronze that people cleared in their own time.

A file that leaves bronze is no trouble: its rows stay. All of them at once mostly means a disk that is not there, and
what is dropped meanwhile lands under its mount point.
"""

from __future__ import annotations

from typing import NamedTuple


class Identity(NamedTuple):
    """Which folder it is; both change where a disk is mounted over it, or no longer."""

    device: int
    inode: int


class BronzePresence:
    """Fed by scans of all of bronze. ``identity`` is the folder in which files were last seen, by an earlier daemon."""

    def __init__(self, identity: Identity | None) -> None:
        self.identity = identity
        self._files = 0
        self._in_ledger: int | None = None
        self.vanished = 0
        """How many files of the ledger are missing with all others; 0 where bronze is as usual."""

    def note(self, *, files: int, in_ledger: int, identity: Identity | None) -> bool:
        """A scan found so many files; return whether there is news.

        ``in_ledger``: how many the ledger knows, asked for only where a scan found none.
        """
        before = self.vanished
        if before and identity != self.identity and files * 2 < before:
            return False  # they were dropped under the mount point of a disk that is still away
        came = self._in_ledger is not None and in_ledger > self._in_ledger  # by events: no scan has seen them
        if files:
            self.vanished, self._files, self.identity = 0, files, identity
        elif self._files or came or (self.identity is not None and identity != self.identity):
            self.vanished, self._files = in_ledger, 0
        self._in_ledger = None if files else in_ledger
        return (before > 0) != (self.vanished > 0)

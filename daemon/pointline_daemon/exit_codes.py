"""What the process says when it ends. Service managers and scripts act on these."""

from typing import Final

from pointline.errors import ConfigurationError, LakeInUse, PointlineError, WrongUse

EXIT_OK: Final = 0
EXIT_FINDINGS: Final = 1
"""A file failed or was quarantined, an audit found something, or a command could not do what was asked."""
EXIT_USAGE: Final = 2
"""A command, option or value that does not exist, or options that exclude each other."""
EXIT_PART_DIED: Final = 70
"""A thread of the daemon ended that should not; the service manager starts a new one."""
EXIT_IN_USE: Final = 75
"""Another process writes this lake."""
EXIT_BAD_CONFIGURATION: Final = 78
EXIT_INTERRUPTED: Final = 130
"""A second signal ended it at once, or a person pressed Ctrl-C."""
EXIT_UNREAD: Final = 141
"""Whoever read the answer had enough of it, as `head` has: what was to be done is done. Shells say so of SIGPIPE."""


BY_ERROR: Final = ((WrongUse, EXIT_USAGE), (ConfigurationError, EXIT_BAD_CONFIGURATION), (LakeInUse, EXIT_IN_USE))


def exit_code_of(error: PointlineError) -> int:
    """Return the exit code of a command that ends with this error."""
    return next((code for kind, code in BY_ERROR if isinstance(error, kind)), EXIT_FINDINGS)

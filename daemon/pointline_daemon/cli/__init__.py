"""The command line. Commands import what they need when they run: ``pointline --help`` must answer at once."""

from pointline_daemon.cli.entry_point import main

__all__ = ["main"]

"""Pointline under a real systemd, by hand: ``python -m tests.systemd``, as root.

Debian in a folder is booted by systemd-nspawn; there the service is installed by the lines of the README and lives
through what services live through. One line per step, and a summary. Needs the Debian packages debootstrap and
systemd-container; where the machine does not allow it, it says why and ends.
"""

"""``python -m pointline_daemon``: the same as ``pointline``."""

from pointline_daemon.cli import main

if __name__ == "__main__":
    main()

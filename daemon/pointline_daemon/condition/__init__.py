"""The running daemon's counts, rates and health, in memory and in its state file."""

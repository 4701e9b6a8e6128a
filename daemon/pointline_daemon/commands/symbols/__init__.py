"""``pointline symbols``."""

"""``pointline service``."""

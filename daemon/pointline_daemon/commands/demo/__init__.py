"""``pointline demo``."""

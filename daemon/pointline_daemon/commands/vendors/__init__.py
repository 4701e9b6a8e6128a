"""``pointline vendors``."""

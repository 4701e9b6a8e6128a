"""What a symbol was, computed from what was said of it."""

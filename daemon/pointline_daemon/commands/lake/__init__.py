"""Commands about a lake as a whole."""

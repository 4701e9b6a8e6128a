"""How symbols change over time: what was said of them, what follows from it, and what must hold of the result."""

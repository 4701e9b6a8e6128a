"""Paths of vendors' files: how they are written down, what they say, and how near others are to them."""

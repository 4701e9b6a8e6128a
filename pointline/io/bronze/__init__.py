"""The bronze folder: what lies in it, and what its paths say."""

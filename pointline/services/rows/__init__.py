"""The rows of one file: cut, typed, counted, and quarantined where they cannot be kept."""

"""Delta tables: their data files, their commits, and how they are read."""

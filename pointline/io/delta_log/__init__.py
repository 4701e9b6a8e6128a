"""The log of a Delta table: entries, checkpoints, and what of both is mended and cleared away."""

"""One Delta table on a local disk: what readers see, what is written, what is done as a whole. Nothing else commits."""

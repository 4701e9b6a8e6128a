"""Which days are in the lake, and which are missing: arithmetic over the ledger."""

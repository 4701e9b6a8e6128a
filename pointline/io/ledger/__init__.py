"""The ledger: what became of every file, on disk and in memory."""

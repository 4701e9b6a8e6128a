"""What an audit takes from the ledger: one version of it, run by run, and as little of it as it can keep."""

"""Bronze, ledger and silver held against each other, and made to agree."""

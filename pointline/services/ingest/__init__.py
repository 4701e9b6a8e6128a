"""How files enter and leave the lake: batches, verdicts, and the order of effects."""

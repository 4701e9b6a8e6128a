"""What was said of symbols and what they were, as Delta tables."""

"""What several commands need: words, tables, values, and the status of the lake."""

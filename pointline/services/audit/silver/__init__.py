"""What the tables hold, as an audit reads it: sound data files, counts of rows, contents beside those of bronze."""

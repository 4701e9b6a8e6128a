"""Files that are no text, read as the CSV they stand for, so that one path types and checks every row.

A description names its decoder: ``decoder = "dbn"``. Rows are counted as the file has its records,
the first being 1.
"""

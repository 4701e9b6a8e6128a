"""The only code that touches Delta, Parquet files and the file system."""

"""The committer's thread: batches go in, each step is repeated where it is safe, and what became of files is said."""

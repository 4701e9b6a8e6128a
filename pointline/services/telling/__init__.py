"""What is told to people: a file's story, findings, examples, the line that a row came from."""

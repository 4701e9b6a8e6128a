"""What the port answers: the live page and the metrics."""

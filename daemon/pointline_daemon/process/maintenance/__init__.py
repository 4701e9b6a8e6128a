"""Keeps tables fit to be read: compacts partitions, checkpoints logs, vacuums."""

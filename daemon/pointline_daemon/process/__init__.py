"""The running process: its threads, who starts and stops them, and what they do."""

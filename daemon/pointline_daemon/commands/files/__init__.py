"""Commands about single files and their rows."""

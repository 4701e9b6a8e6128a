"""A file becomes data files that nobody sees yet."""

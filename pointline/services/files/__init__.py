"""What a file is: the same as another one, a newer version, a copy, or in the place of one."""

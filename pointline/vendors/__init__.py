"""Pure: what vendors call their files, what is in them, and how that becomes rows of a table.

A vendor is described by one TOML file, the same language for those that ship and for a user's own.
"""

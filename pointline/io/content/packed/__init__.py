"""How files are packed: compressed streams, zip and tar archives, and the one member that is read of an archive."""

"""Pure: bytes of a vendor's file become typed rows, and the rows that cannot be kept."""

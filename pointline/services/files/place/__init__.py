"""Which file has which days of silver: what overlaps, what goes first, what gives way, and who is refused."""

"""``pointline coverage``, on a terminal, as a page and as a picture."""

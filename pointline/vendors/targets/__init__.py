"""How the columns of a table come from the columns of a file: the plan of a feed, made from the lines of its map."""

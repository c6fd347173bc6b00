"""The page, the files that it is made of, and permalinks to programs."""

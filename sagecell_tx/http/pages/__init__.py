"""The page, its static files, and permalinks to programs."""

"""``sagecell-tx db``: commands for the database of permalinks and files, each in a module of its own."""

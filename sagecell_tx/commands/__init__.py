"""The commands of ``sagecell-tx``: each module adds one to the parser."""

"""Many visitors at once, for ``sagecell-tx load``: what they run, how they connect, and how long they wait."""

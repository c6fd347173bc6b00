"""One session: its kernel's life, the bridge to its listeners, and its uploads."""

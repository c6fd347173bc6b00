"""Implementations of `sagecell_tx.sessions.interfaces.Host`, which start and end kernels."""

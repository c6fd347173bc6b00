"""Where kernels come from: the adapters behind `sagecell_tx.sessions.interfaces.Host`."""

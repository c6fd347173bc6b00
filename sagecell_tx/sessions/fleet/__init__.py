"""All sessions of this process: how they end, and what is kept of them afterwards."""

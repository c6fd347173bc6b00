"""In-memory implementations of the interfaces in `sessions`, for tests and embedders."""

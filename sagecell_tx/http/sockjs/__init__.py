"""SockJS 0.3, and the one connection that all cells of a page share on it."""

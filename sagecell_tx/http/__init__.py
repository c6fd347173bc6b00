"""The HTTP server: Klein routes and WebSockets, one module for each family of URLs."""

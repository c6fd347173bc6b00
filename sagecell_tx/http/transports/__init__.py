"""Transports between clients and kernels: WebSockets, polling, and streams of lines or events."""

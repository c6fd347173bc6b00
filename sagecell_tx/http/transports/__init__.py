"""Ways to talk with a kernel: WebSocket, polling, and streams of lines or events."""

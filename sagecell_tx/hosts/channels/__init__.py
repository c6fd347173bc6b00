"""Signed messages to and from one kernel, over ZMQ sockets and the relays before them."""

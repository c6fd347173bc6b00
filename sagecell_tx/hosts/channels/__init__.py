"""Signed messages to and from one kernel, over ZMQ sockets behind relays."""

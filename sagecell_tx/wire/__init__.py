"""Bytes to values and back: pure, with no Twisted, no ZMQ and no clock."""

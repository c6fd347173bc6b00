"""Servers of one machine that forward requests to one another, in memory."""

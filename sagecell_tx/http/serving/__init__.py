"""Shared by all routes: requests, parameters, clients, errors, and response bodies."""

"""Tests of ``/api/execute``."""

"""Installed kernelspecs."""

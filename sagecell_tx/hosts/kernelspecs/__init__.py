"""Installed kernelspecs: found, checked, and what is told of them."""

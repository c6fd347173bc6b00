"""Kernels that are started before anybody asks for one."""

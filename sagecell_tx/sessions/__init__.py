"""Policy: the life cycle of a kernel, its listeners, and who may start one."""

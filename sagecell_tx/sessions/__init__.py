"""Policy: one kernel's life, who listens to it, and who may start one."""

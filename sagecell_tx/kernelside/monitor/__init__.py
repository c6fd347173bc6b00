"""The process that watches what kernels take: memory, processor time, disk, sockets."""

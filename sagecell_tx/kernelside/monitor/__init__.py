"""The process that monitors the kernels' usage of memory, processor time, disk and sockets."""

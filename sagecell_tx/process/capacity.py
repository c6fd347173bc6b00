"""Whether the machine can carry the kernels that the limits allow."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

#: Of one kernel: four descriptors of the web process for each of four channels, and its client's.
DESCRIPTORS = 17

#: Of one kernel that has been started; programs have more. Linux counts them as tasks.
THREADS = 6

#: Of one kernel that has run a first program, in bytes; programs take more.
MEMORY = 10 << 20


@frozen(kw_only=True)
class Capacity:
    """What is left for kernels: descriptors of the web process, bytes of memory, and threads.

    0 bytes, or threads, means that it is not known.
    """

    descriptors: int
    memory: int
    threads: int = 0

    def shortfalls(self, kernels: int) -> Iterator[str]:
        """A sentence for each resource that does not suffice for so many kernels."""
        many = max(0, self.descriptors // DESCRIPTORS)
        if many < kernels:
            yield (
                f"the limits allow {kernels} kernels, and the file descriptors of this process suffice "
                f"for {many}: raise LimitNOFILE of the service (ulimit -n), or lower "
                "limits.admission.kernels"
            )
        many = self.threads // THREADS
        if self.threads and many < kernels:
            yield (
                f"the limits allow {kernels} kernels, and the threads that the system allows suffice for "
                f"{many}: raise TasksMax of the service (kernel.pid_max, kernel.threads-max, ulimit -u), or "
                "lower limits.admission.kernels"
            )
        many = self.memory // MEMORY
        if self.memory and many < kernels:
            yield (
                f"the limits allow {kernels} kernels, and the available memory suffices for {many} "
                "that have just been started: lower limits.admission.kernels"
            )

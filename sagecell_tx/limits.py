"""The limits of visitors, kernels and requests: one table of settings for each subject.

A name ends with its unit, unless it counts things. `Limits` has all tables, for the modules that
give each of the others the one that it needs.
"""

from __future__ import annotations

from attrs import evolve, field, frozen

KIB = 1024
MIB = 1024 * KIB

#: The last part of the names of intervals, and the shortest interval in seconds: repetition without
#: a pause would leave no time for anything else.
INTERVALS = frozenset({"ping_seconds", "heartbeat_seconds"})
SHORTEST_INTERVAL = 0.1


@frozen(kw_only=True)
class Rate:
    """How many in one burst, and a minute in the long run. If either is 0, there is no limit."""

    burst: int
    per_minute: float


@frozen(kw_only=True)
class AdmissionLimits:
    """How many kernels there are, how many each visitor may have, and how many visitors may wait.

    /service is counted separately, with the same numbers for each visitor. 0 for an address, a
    network, a site, a cell session or a key: no limit.
    """

    # At a time.
    kernels: int = 64
    service_kernels: int = 16  # in addition to `kernels`
    kernels_per_address: int = 60
    kernels_per_network: int = 120  # a /24 of IPv4, a /64 of IPv6
    kernels_per_site: int = 0
    kernels_per_cell_session: int = 5
    kernels_per_key: int = 60
    min_ready_kernels: int = 1  # started ahead of demand
    max_ready_kernels: int = 8
    # Started at the same moment, until their first result; of one address half as many. 0: three for
    # each processor.
    starting_kernels: int = 0

    # How often kernels may be started.
    starts: Rate = Rate(burst=1000, per_minute=3000)
    starts_per_address: Rate = Rate(burst=120, per_minute=300)
    starts_per_network: Rate = Rate(burst=240, per_minute=600)
    starts_per_site: Rate = Rate(burst=600, per_minute=1800)
    starts_per_cell_session: Rate = Rate(burst=60, per_minute=60)
    starts_per_key: Rate = Rate(burst=300, per_minute=1200)

    # When all kernels are in use.
    queue_length: int = 128  # visitors; one address, site or key has at most half of the places
    queue_seconds: float = 60.0


@frozen(kw_only=True)
class LifetimeLimits:
    """How long each phase of a kernel's life may last, and what is kept after its end."""

    start_seconds: float = 15.0
    unclaimed_seconds: float = 60.0  # from hand-out to the first listener
    idle_seconds: float = 900.0  # the longest that a client may ask for
    detached_seconds: float = 10.0  # after the last listener left
    resumable_seconds: float = 120.0  # after those, for a client with a cursor
    total_seconds: float = 1800.0  # from its start
    # For threads and processes that go on after their program, in a cell with a kernel of its own.
    background_seconds: float = 10.0
    warning_seconds: float = 60.0  # before the idle, the total and the CPU deadline
    stop_grace_seconds: float = 1.0  # from shutdown_request to SIGKILL
    drain_seconds: float = 300.0  # for sessions to end by themselves before a restart of the server
    # From interrupt_request to SIGINT, and as long again to SIGKILL.
    interrupt_grace_seconds: float = 2.0
    heartbeat_seconds: float = 5.0  # between two beats
    heartbeats_missed: int = 6  # in a row, after which the kernel counts as hung
    completer_idle_seconds: float = 120.0  # of the kernel that completes for all pages

    # Ended sessions whose last messages are kept for `resumable_seconds`.
    retained_sessions: int = 500
    retained_bytes: int = 64 * MIB  # of all these sessions


@frozen(kw_only=True)
class JupyterLimits:
    """What differs for kernels that were started below ``/api``, and for the clients there.

    Such a kernel stays while nobody listens: JupyterLab starts kernels minutes ahead, and clients come back.
    """

    unclaimed_seconds: float = 900.0  # from its start to the first listener
    detached_seconds: float = 900.0  # after the last listener left
    idle_seconds: float = 3600.0  # after the last activity; reconnects and pings are none
    total_seconds: float = 6 * 3600.0  # from its start
    sessions_per_kernel: int = 16  # below /api/sessions
    message_bytes: int = 10 * MIB  # from a client
    pings_missed: int = 3  # unanswered pings in a row, after which a client is disconnected


@frozen(kw_only=True)
class MachineLimits:
    """The resources that one kernel may use."""

    cpu_seconds: float = 600.0  # of all its processes
    memory_bytes: int = 1024 * MIB
    processes: int = 100  # threads included
    open_files: int = 512
    directory_bytes: int = 512 * MIB  # of all that it writes


@frozen(kw_only=True)
class MessageLimits:
    """Messages between a client and a kernel, and the clients that take them."""

    client_message_bytes: int = 4 * MIB
    kernel_message_bytes: int = 96 * MIB
    message_log_bytes: int = 4 * MIB  # may wait for a slow listener before the kernel is held
    waiting_bytes: int = 512 * MIB  # of all kernels whose messages are longer; 0: no limit
    output_bytes: int = 256 * MIB  # of one execution
    ping_seconds: float = 25.0  # between two pings of a WebSocket, or heartbeats of a stream
    listeners: int = 32  # of one kernel at a time; 0: no limit
    stalled_seconds: float = 60.0  # after which a listener that reads nothing is disconnected
    poll_seconds: float = 30.0  # the longest wait of a long poll


@frozen(kw_only=True)
class NetworkLimits:
    """The network use of one session, if any hosts are allowed."""

    traffic_bytes: int = 256 * MIB  # both ways
    connections: int = 10  # at a time
    connect_seconds: float = 10.0  # to find a host and connect to it
    idle_seconds: float = 60.0  # with nothing sent or received


@frozen(kw_only=True)
class SockJSLimits:
    """The number, times and sizes of SockJS connections."""

    connections: int = 1000  # at a time
    connections_per_address: int = 250  # 0: no limit
    heartbeat_seconds: float = 25.0
    disconnect_seconds: float = 5.0  # without a receiver
    idle_seconds: float = 3600.0  # without a message from either side
    response_bytes: int = 128 * KIB  # after which a streaming response ends


@frozen(kw_only=True)
class FileLimits:
    """How much is stored of the files that programs make, and for how long."""

    file_bytes: int = 64 * MIB
    session_bytes: int = 256 * MIB  # of all files of one session
    session_files: int = 500  # of one session
    total_bytes: int = 4096 * MIB  # of all; the oldest are deleted first. 0: no limit
    retention_seconds: float = 6 * 3600.0
    stored_bytes_per_address: Rate = Rate(burst=1024 * MIB, per_minute=2 * MIB)
    stored_bytes_per_network: Rate = Rate(burst=2048 * MIB, per_minute=4 * MIB)
    stored_bytes_per_key: Rate = Rate(burst=2048 * MIB, per_minute=4 * MIB)
    disk_reserve_bytes: int = 256 * MIB  # must stay free on SQLite's disk
    # While the database is away, in memory, and then reported as lost.
    waiting_bytes: int = 64 * MIB  # of all files
    waiting_seconds: float = 120.0  # permalinks of runs as well


@frozen(kw_only=True)
class RequestLimits:
    """The size and time of an HTTP request, and the connections and permalinks of one visitor."""

    code_characters: int = 65_000
    body_bytes: int = 4 * MIB
    service_seconds: float = 30.0  # that a program may run, in `/service` and `/api/execute`
    service_output_characters: int = 4 * MIB
    unread_answer_bytes: int = 128 * MIB  # of answers that all clients together have not read yet

    # Of `POST /api/execute`, besides these.
    execute_files: int = 50  # that a client may send with a program
    execute_file_bytes: int = 3 * MIB  # of all these files
    kept_answer_seconds: float = 600.0  # for who sends the idempotency key again
    kept_answer_bytes: int = 32 * MIB  # of all that are kept for one API key

    connections_per_address: int = 500  # at a time, of all kinds. 0: no limit
    permalinks_per_address: Rate = Rate(burst=60, per_minute=30)
    permalinks_per_network: Rate = Rate(burst=120, per_minute=60)
    permalinks_per_key: Rate = Rate(burst=300, per_minute=300)

    # Programs that are stored when they are run.
    run_permalinks_per_address: Rate = Rate(burst=120, per_minute=30)
    run_permalinks_per_network: Rate = Rate(burst=240, per_minute=60)
    run_permalinks_per_key: Rate = Rate(burst=300, per_minute=300)
    run_permalink_bytes: int = 256 * MIB  # of all; the oldest are deleted first. 0: no limit
    run_permalink_seconds: float = 7 * 24 * 3600.0  # if neither opened nor shared


@frozen(kw_only=True)
class Limits:
    """All tables of limits."""

    admission: AdmissionLimits = field(factory=AdmissionLimits)
    lifetime: LifetimeLimits = field(factory=LifetimeLimits)
    machine: MachineLimits = field(factory=MachineLimits)
    messages: MessageLimits = field(factory=MessageLimits)
    network: NetworkLimits = field(factory=NetworkLimits)
    sockjs: SockJSLimits = field(factory=SockJSLimits)
    files: FileLimits = field(factory=FileLimits)
    requests: RequestLimits = field(factory=RequestLimits)
    jupyter: JupyterLimits = field(factory=JupyterLimits)

    @property
    def of_jupyter(self) -> Limits:
        """The limits of a kernel that was started below ``/api``."""
        lifetime = evolve(
            self.lifetime,
            unclaimed_seconds=self.jupyter.unclaimed_seconds,
            detached_seconds=self.jupyter.detached_seconds,
            idle_seconds=self.jupyter.idle_seconds,
            total_seconds=self.jupyter.total_seconds,
        )
        return evolve(self, lifetime=lifetime)

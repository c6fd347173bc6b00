"""What visitors, kernels and requests may take: one table of settings for each subject.

Each module is given the table that it works with. `Limits` has them all, for those that build
the others. A name carries its unit, unless it is a number of things.
"""

from __future__ import annotations

from attrs import field, frozen

KIB = 1024
MIB = 1024 * KIB

#: Intervals, by the last part of their names, and the shortest one in seconds: what is done again
#: and again without a pause would leave no time for anything else.
INTERVALS = frozenset({"ping_seconds", "heartbeat_seconds"})
SHORTEST_INTERVAL = 0.1


@frozen(kw_only=True)
class Rate:
    """How often: so many in one burst, and so many a minute in the long run. With 0, no limit."""

    burst: int
    per_minute: float


@frozen(kw_only=True)
class AdmissionLimits:
    """How many kernels there are, who may have how many, and who waits.

    /service is counted apart, with the same numbers for each visitor. 0 for an address, a network,
    a site, a cell session or a key: no limit.
    """

    # At a time.
    kernels: int = 64
    service_kernels: int = 16  # besides them
    kernels_per_address: int = 60
    kernels_per_network: int = 120  # a /24 of IPv4, a /64 of IPv6
    kernels_per_site: int = 0
    kernels_per_cell_session: int = 5
    kernels_per_key: int = 60
    min_ready_kernels: int = 1  # up before anybody asks for them
    max_ready_kernels: int = 8

    # How many may be asked for.
    starts: Rate = Rate(burst=1000, per_minute=3000)
    starts_per_address: Rate = Rate(burst=120, per_minute=300)
    starts_per_network: Rate = Rate(burst=240, per_minute=600)
    starts_per_site: Rate = Rate(burst=600, per_minute=1800)
    starts_per_cell_session: Rate = Rate(burst=60, per_minute=60)
    starts_per_key: Rate = Rate(burst=300, per_minute=1200)

    # When all kernels are in use.
    queue_length: int = 128  # who may wait; one address, site or key at most half of them
    queue_seconds: float = 60.0


@frozen(kw_only=True)
class LifetimeLimits:
    """How long a kernel has for each part of its life, and what is kept of it afterwards."""

    start_seconds: float = 15.0
    unclaimed_seconds: float = 60.0  # from hand-out to the first listener
    idle_seconds: float = 900.0  # the longest that a client may ask for
    detached_seconds: float = 10.0  # after the last listener left
    resumable_seconds: float = 120.0  # and then for a client with a cursor
    total_seconds: float = 1800.0  # from its start
    warning_seconds: float = 60.0  # ahead of the idle, the total and the CPU deadline
    stop_grace_seconds: float = 1.0  # from shutdown_request to SIGKILL
    # From interrupt_request to SIGINT, and as long again to SIGKILL.
    interrupt_grace_seconds: float = 2.0
    heartbeat_seconds: float = 5.0  # between two beats
    heartbeats_missed: int = 6  # in a row, and the kernel is hung
    completer_idle_seconds: float = 120.0  # of the kernel that completes for all pages

    # Sessions that ended, whose last messages are kept for `resumable_seconds`.
    retained_sessions: int = 500
    retained_bytes: int = 64 * MIB  # of them all


@frozen(kw_only=True)
class MachineLimits:
    """What one kernel may take of the machine."""

    cpu_seconds: float = 600.0  # of all its processes
    memory_bytes: int = 1024 * MIB
    processes: int = 100  # threads included
    open_files: int = 512
    directory_bytes: int = 512 * MIB  # of all that it writes


@frozen(kw_only=True)
class MessageLimits:
    """What crosses the server between a client and a kernel."""

    client_message_bytes: int = 4 * MIB
    kernel_message_bytes: int = 96 * MIB
    message_log_bytes: int = 4 * MIB  # what may wait for a slow listener before its kernel waits
    output_bytes: int = 256 * MIB  # of one execution
    ping_seconds: float = 25.0  # between two signs of life asked of a WebSocket
    listeners: int = 32  # of one kernel at a time; 0: no limit
    stalled_seconds: float = 60.0  # a listener that takes nothing for so long is let go
    poll_seconds: float = 30.0  # the longest wait of a long poll


@frozen(kw_only=True)
class NetworkLimits:
    """What a session may have of the network, where hosts are allowed."""

    traffic_bytes: int = 256 * MIB  # both ways
    connections: int = 10  # at a time
    connect_seconds: float = 10.0  # to find a host and connect to it
    idle_seconds: float = 60.0  # with nothing sent or received


@frozen(kw_only=True)
class SockJSLimits:
    """What SockJS connections may take."""

    connections: int = 1000  # at a time
    connections_per_address: int = 250  # 0: no limit
    heartbeat_seconds: float = 25.0
    disconnect_seconds: float = 5.0  # without anybody who takes what is said
    idle_seconds: float = 3600.0  # without a word from either side
    response_bytes: int = 128 * KIB  # from which on a streaming response ends


@frozen(kw_only=True)
class FileLimits:
    """What may be stored of the files that programs make, and for how long."""

    file_bytes: int = 64 * MIB
    session_bytes: int = 256 * MIB  # of all files of one session
    session_files: int = 500  # of one session
    total_bytes: int = 4096 * MIB  # of all; the oldest make room. 0: no limit
    retention_seconds: float = 6 * 3600.0
    stored_bytes_per_address: Rate = Rate(burst=1024 * MIB, per_minute=2 * MIB)
    stored_bytes_per_network: Rate = Rate(burst=2048 * MIB, per_minute=4 * MIB)
    stored_bytes_per_key: Rate = Rate(burst=2048 * MIB, per_minute=4 * MIB)
    disk_reserve_bytes: int = 256 * MIB  # free on SQLite's disk, or nothing more is stored


@frozen(kw_only=True)
class RequestLimits:
    """What one HTTP request may take, and how many connections and permalinks one visitor has."""

    code_characters: int = 65_000
    body_bytes: int = 4 * MIB
    service_seconds: float = 30.0  # `POST /service`
    service_output_characters: int = 4 * MIB
    connections_per_address: int = 500  # at a time, whatever they are for. 0: no limit
    permalinks_per_address: Rate = Rate(burst=60, per_minute=30)
    permalinks_per_network: Rate = Rate(burst=120, per_minute=60)
    permalinks_per_key: Rate = Rate(burst=300, per_minute=300)


@frozen(kw_only=True)
class Limits:
    """All tables, for those that give each of the others its own."""

    admission: AdmissionLimits = field(factory=AdmissionLimits)
    lifetime: LifetimeLimits = field(factory=LifetimeLimits)
    machine: MachineLimits = field(factory=MachineLimits)
    messages: MessageLimits = field(factory=MessageLimits)
    network: NetworkLimits = field(factory=NetworkLimits)
    sockjs: SockJSLimits = field(factory=SockJSLimits)
    files: FileLimits = field(factory=FileLimits)
    requests: RequestLimits = field(factory=RequestLimits)

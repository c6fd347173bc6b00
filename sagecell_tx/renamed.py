"""The names that limits had in one flat table, and their current names."""

from __future__ import annotations

from collections.abc import Mapping

#: The former key below ``[limits]``, and the current table and key.
LIMITS: Mapping[str, tuple[str, str]] = {
    "kernels": ("admission", "kernels"),
    "service_kernels": ("admission", "service_kernels"),
    "kernels_per_address": ("admission", "kernels_per_address"),
    "kernels_per_network": ("admission", "kernels_per_network"),
    "kernels_per_site": ("admission", "kernels_per_site"),
    "kernels_per_cell_session": ("admission", "kernels_per_cell_session"),
    "kernels_per_key": ("admission", "kernels_per_key"),
    "ready_least": ("admission", "min_ready_kernels"),
    "ready_most": ("admission", "max_ready_kernels"),
    "starts": ("admission", "starts"),
    "starts_per_address": ("admission", "starts_per_address"),
    "starts_per_network": ("admission", "starts_per_network"),
    "starts_per_site": ("admission", "starts_per_site"),
    "starts_per_cell_session": ("admission", "starts_per_cell_session"),
    "starts_per_key": ("admission", "starts_per_key"),
    "queue": ("admission", "queue_length"),
    "queue_wait": ("admission", "queue_seconds"),
    "start": ("lifetime", "start_seconds"),
    "unclaimed": ("lifetime", "unclaimed_seconds"),
    "idle": ("lifetime", "idle_seconds"),
    "detached": ("lifetime", "detached_seconds"),
    "resumable": ("lifetime", "resumable_seconds"),
    "lifetime": ("lifetime", "total_seconds"),
    "warning": ("lifetime", "warning_seconds"),
    "stop_grace": ("lifetime", "stop_grace_seconds"),
    "interrupt_grace": ("lifetime", "interrupt_grace_seconds"),
    "heartbeat": ("lifetime", "heartbeat_seconds"),
    "heartbeats_missed": ("lifetime", "heartbeats_missed"),
    "completer": ("lifetime", "completer_idle_seconds"),
    "last_words": ("lifetime", "retained_sessions"),
    "last_words_size": ("lifetime", "retained_bytes"),
    "cpu": ("machine", "cpu_seconds"),
    "memory": ("machine", "memory_bytes"),
    "processes": ("machine", "processes"),
    "open_files": ("machine", "open_files"),
    "directory": ("machine", "directory_bytes"),
    "client_message": ("messages", "client_message_bytes"),
    "kernel_message": ("messages", "kernel_message_bytes"),
    "outbox": ("messages", "message_log_bytes"),
    "output": ("messages", "output_bytes"),
    "ping": ("messages", "ping_seconds"),
    "stalled": ("messages", "stalled_seconds"),
    "poll": ("messages", "poll_seconds"),
    "network": ("network", "traffic_bytes"),
    "network_connections": ("network", "connections"),
    "network_connect": ("network", "connect_seconds"),
    "network_idle": ("network", "idle_seconds"),
    "sockjs": ("sockjs", "connections"),
    "sockjs_per_address": ("sockjs", "connections_per_address"),
    "sockjs_heartbeat": ("sockjs", "heartbeat_seconds"),
    "sockjs_disconnect": ("sockjs", "disconnect_seconds"),
    "sockjs_idle": ("sockjs", "idle_seconds"),
    "sockjs_response": ("sockjs", "response_bytes"),
    "file": ("files", "file_bytes"),
    "files": ("files", "session_bytes"),
    "files_count": ("files", "session_files"),
    "files_total": ("files", "total_bytes"),
    "file_retention": ("files", "retention_seconds"),
    "stored_per_address": ("files", "stored_bytes_per_address"),
    "stored_per_network": ("files", "stored_bytes_per_network"),
    "stored_per_key": ("files", "stored_bytes_per_key"),
    "disk_reserve": ("files", "disk_reserve_bytes"),
    "code": ("requests", "code_characters"),
    "request_body": ("requests", "body_bytes"),
    "service": ("requests", "service_seconds"),
    "service_output": ("requests", "service_output_characters"),
    "connections_per_address": ("requests", "connections_per_address"),
    "permalinks_per_address": ("requests", "permalinks_per_address"),
    "permalinks_per_network": ("requests", "permalinks_per_network"),
    "permalinks_per_key": ("requests", "permalinks_per_key"),
}

#: Names of tables. Some are former keys as well, whose values were numbers.
_TABLES = {table for table, _ in LIMITS.values()}


def is_former(key: str, value: object) -> bool:
    """Whether a key below ``[limits]`` is a former one, and not the name of a current table."""
    return key in LIMITS and not (key in _TABLES and isinstance(value, Mapping))


def present(key: str) -> str:
    """The full current name of a former key, such as ``limits.lifetime.idle_seconds``."""
    return ".".join(("limits", *LIMITS[key]))

"""The names of limits end with their units, or with what they count."""

from __future__ import annotations

import attrs
import pytest

from sagecell_tx.limits import Limits, Rate

#: Ends of names that count things, and need no unit.
COUNTS = (
    "kernels",
    "queue_length",
    "heartbeats_missed",
    "pings_missed",
    "retained_sessions",
    "listeners",
    "processes",
    "open_files",
    "connections",
    "session_files",
    "execute_files",
    "sessions",
)


def limits() -> dict[str, object]:
    """The defaults, by table and key."""
    return {
        f"{table.name}.{name}": value
        for table in attrs.fields(Limits)
        for name, value in attrs.asdict(getattr(Limits(), table.name), recurse=False).items()
    }


@pytest.mark.parametrize("name", limits())
def test_each_name_carries_its_unit_or_is_a_number_of_things(name: str) -> None:
    value, key = limits()[name], name.partition(".")[2]
    if isinstance(value, float):
        assert key.endswith("_seconds")
    elif isinstance(value, int):
        thing = key.partition("_per_")[0]
        assert key.endswith(("_bytes", "_characters")) or thing.endswith(COUNTS)
    else:
        assert isinstance(value, Rate)


def test_no_module_can_change_a_table() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Limits().machine.processes = 1  # type: ignore[misc]

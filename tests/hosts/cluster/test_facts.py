"""How to connect to agents: facts that may be hostile, and the machines that are known."""

import json
from typing import Any

import pytest
from attrs import define, evolve, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.hosts.cluster import facts
from sagecell_tx.hosts.cluster.facts import Facts, Machines
from sagecell_tx.wire.messages import WireError

FACTS = Facts(
    name="blue",
    host="10.0.0.5",
    port=9475,
    fingerprint="0123456789abcdef" * 4,
    protocol=1,
    version="0.1.0",
)


def changed(**fields: object) -> str:
    return json.dumps({**json.loads(FACTS.dump()), **fields})


class TestFacts(SynchronousTestCase):
    def test_a_round_trip(self) -> None:
        assert Facts.parse(FACTS.dump()) == FACTS
        assert Facts.parse(FACTS.dump().decode()) == FACTS

    def test_fields_of_later_versions_are_ignored(self) -> None:
        assert Facts.parse(changed(colour="blue")) == FACTS

    def test_a_missing_field(self) -> None:
        for name in json.loads(FACTS.dump()):
            fields = json.loads(FACTS.dump())
            del fields[name]
            with pytest.raises(WireError, match=f"{name} is missing"):
                Facts.parse(json.dumps(fields))

    def test_invalid_values(self) -> None:
        invalid: dict[str, list[Any]] = {
            "name": ["", "a b", "a\n", "ä", "x" * 101, 7, None],
            "host": ["", "a/b", "-a", "fe80::1%eth0", "a\n", "x" * 254, 7, "[::1]"],
            "port": [0, 65536, -1, "22", 1.0, True, None],
            "fingerprint": ["", "0" * 63, "0" * 65, "G" * 64, "A" * 64, 7],
            "protocol": [0, -1, 1000, "1", True],
            "version": ["x" * 41, "a b", 1],
        }
        for name, values in invalid.items():
            for value in values:
                with pytest.raises(WireError, match=f"invalid {name}"):
                    Facts.parse(changed(**{name: value}))

    def test_hosts(self) -> None:
        for host in ("10.0.0.5", "::1", "fe80::1", "blue", "blue.example.org", "blue.example.org."):
            assert Facts.parse(changed(host=host)).host == host

    def test_too_long(self) -> None:
        with pytest.raises(WireError, match="longer"):
            Facts.parse(changed(colour="x" * facts.LONGEST))

    @given(st.binary(max_size=200) | st.text(max_size=200))
    def test_arbitrary_data_does_no_harm(self, data: bytes | str) -> None:
        with pytest.raises(WireError):
            Facts.parse(data)

    @given(
        st.dictionaries(
            st.sampled_from(sorted(json.loads(FACTS.dump()))),
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
        )
    )
    def test_what_is_parsed_can_be_dumped(self, fields: dict[str, Any]) -> None:
        try:
            parsed = Facts.parse(changed(**fields))
        except WireError:
            return
        assert Facts.parse(parsed.dump()) == parsed


@define
class Recorded:
    """Observes machines."""

    told: list[Any] = field(factory=list)

    def machine_joined(self, facts: Facts) -> None:
        self.told.append(facts)

    def machine_left(self, name: str) -> None:
        self.told.append(name)


class TestMachines(SynchronousTestCase):
    def setUp(self) -> None:
        self.machines = Machines()
        self.observer = Recorded()
        self.machines.observe(self.observer)

    def test_joined_and_left(self) -> None:
        self.machines.joined(FACTS)
        assert self.machines.known == (FACTS,)
        self.machines.left("blue")
        assert self.observer.told == [FACTS, "blue"]
        assert not self.machines.known

    def test_the_same_again(self) -> None:
        self.machines.joined(FACTS)
        self.machines.joined(FACTS)
        assert self.observer.told == [FACTS]

    def test_other_facts_replace_earlier_ones(self) -> None:
        other = evolve(FACTS, port=9476)
        self.machines.joined(FACTS)
        self.machines.joined(other)
        assert self.observer.told == [FACTS, other]
        assert self.machines.known == (other,)

    def test_an_unknown_machine_leaves(self) -> None:
        self.machines.left("blue")
        assert self.observer.told == []

    def test_a_late_observer_is_told_of_all(self) -> None:
        self.machines.joined(FACTS)
        late = Recorded()
        self.machines.observe(late)
        assert late.told == [FACTS]

    def test_too_many(self) -> None:
        for number in range(facts.MOST_MACHINES + 1):
            self.machines.joined(evolve(FACTS, name=f"m{number}"))
        assert len(self.machines.known) == facts.MOST_MACHINES
        assert len(self.observer.told) == facts.MOST_MACHINES
        self.machines.joined(evolve(FACTS, name="m7", port=1))  # known, so it may change
        assert self.observer.told[-1].port == 1

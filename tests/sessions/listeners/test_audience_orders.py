"""Addressed clients that are cut off and return in any order, compared with a plain list of messages."""

from __future__ import annotations

from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from sagecell_tx.limits import Limits
from sagecell_tx.testing.listeners import MemoryListener
from sagecell_tx.wire.messages import Message
from tests.examples import at_most
from tests.sessions.bridgeworld import BridgeWorld
from tests.sessions.samples import request

NAMES = st.sampled_from(["a", "b"])


@define
class Client:
    """A client, and how many of all messages it has read and acknowledged."""

    listener: MemoryListener
    read: int = 0
    acknowledged: int = 0
    asked: list[Message] = field(factory=list)  # requests without a reply


class AddressedMachine(RuleBasedStateMachine):
    """What each client reads is what was published for it after its last acknowledgement."""

    def __init__(self) -> None:
        super().__init__()
        self.world = BridgeWorld(limits=Limits())
        self.everyone = MemoryListener(slow=True).attach(self.world.bridge.audience.attach)
        self.clients = {name: Client(self.attach(name)) for name in ("a", "b")}
        self.said: list[tuple[str, str]] = []  # ids, and for whom; "" is for all
        self.count = 0

    def attach(self, name: str) -> MemoryListener:
        attach = self.world.bridge.audience.attach
        return MemoryListener(slow=True).attach(
            lambda listener: attach(listener, f"jupyter:{name}", addressed=True)
        )

    @rule(text=st.sampled_from(["x", "y" * 1000]))
    def publish(self, text: str) -> None:
        self.said.append((self.world.show(text).msg_id, ""))

    @rule(name=NAMES)
    def ask(self, name: str) -> None:
        client = self.clients[name]
        self.count += 1
        asked = request(f"r{self.count}", "kernel_info_request")
        client.listener.attachment.send(asked)
        client.asked.append(asked)

    @rule(name=NAMES)
    def reply(self, name: str) -> None:
        client = self.clients[name]
        if client.asked:
            self.said.append((self.world.kernel.reply(client.asked.pop(0)).msg_id, name))

    @rule(name=NAMES)
    def reads(self, name: str) -> None:
        client = self.clients[name]
        client.listener.received.clear()
        client.listener.read_all()
        due = [msg_id for msg_id, to in self.said[client.read :] if to in ("", name)]
        assert [each.msg_id for each in client.listener.received] == due
        client.read = len(self.said)

    @rule(name=NAMES)
    def acknowledges(self, name: str) -> None:
        client = self.clients[name]
        attachment = client.listener.attachment
        attachment.acknowledge(attachment.position - 1)
        client.acknowledged = client.read

    @rule(name=NAMES)
    def is_away_for_a_while(self, name: str) -> None:
        self.clients[name].listener.attachment.detach()
        self.publish("x")
        self.reply(name)
        self.returns(name)

    @rule(name=NAMES)
    def returns(self, name: str) -> None:
        """Comes back while its earlier connection still looks alive."""
        client = self.clients[name]
        client.listener = self.attach(name)
        client.read = client.acknowledged

    @rule()
    def who_is_not_addressed_reads_everything(self) -> None:
        self.everyone.read_all()
        received = [each.msg_id for each in self.everyone.received]
        assert received == [msg_id for msg_id, _ in self.said]


AddressedMachine.TestCase.settings = settings(max_examples=at_most(300), stateful_step_count=30)
test_any_order = AddressedMachine.TestCase

"""Kernels of other servers of this machine, for a page whose SockJS connection is here.

All kernels of a page share one SockJS connection, and each has its own server: when one server takes over
from another, a page may have a kernel of each. A kernel of the other is reached over a WebSocket to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from functools import partial

from attrs import define, field
from twisted.logger import Logger

from sagecell_tx.http.nodes.kernelids import node_of
from sagecell_tx.http.nodes.remotekernel import RemoteKernel
from sagecell_tx.http.nodes.siblings import Siblings
from sagecell_tx.sessions.admission.visitors import Visitor

_log = Logger()

#: Kernels of other servers at a time, for all clients: each takes a descriptor of both servers. Nobody gets more than are left for
#: the others: the first who wants many has half of them, the next a quarter.
MOST = 200

#: Bytes of what is received and not written to pages yet, of all kernels, unless a single message may be longer. A kernel's own
#: server keeps a long message once for all who listen, but each connection from here has one of its own.
RECEIVED = 2**28


@define(kw_only=True)
class RemoteKernels:
    """Opens connections to kernels of the other servers, `most` at a time. Paths begin with `baseurl`.

    What is received and not written yet has `most_received` bytes. Beyond that, the page of the client with the most loses its connection.
    """

    siblings: Siblings
    baseurl: str = ""
    most: int = MOST
    most_received: int = RECEIVED
    _open: dict[RemoteKernel, str] = field(factory=dict, init=False)  # and whose each is
    _received: dict[RemoteKernel, str] = field(factory=dict, init=False)  # with something unwritten

    def __len__(self) -> int:
        """How many are connected, or about to be."""
        return len(self._open)

    @property
    def all(self) -> Collection[RemoteKernel]:
        """Those that are."""
        return self._open.keys()

    @property
    def kept(self) -> int:
        """The bytes that were received and are not written yet."""
        return sum(each.unwritten for each in self._received)

    def open(
        self, kernel_id: str, address: str, on_message: Callable[[], None]
    ) -> RemoteKernel | None:
        """Connect to a kernel of another server for the client at `address`.

        None if its id names none, or if the client, or all clients, have too many.

        `on_message` is called when there is something to read after there was nothing, and at the end.
        """
        node, nodes = node_of(kernel_id), self.siblings.nodes
        holder = Visitor(address=address).holder
        if node is None or node not in nodes.others or not self._has_room_for(holder):
            return None
        kernel = RemoteKernel(on_message, self._closed, partial(self._count, holder))
        self._open[kernel] = holder
        url = f"ws://localhost{self.baseurl}/kernel/{kernel_id}/channels"
        path = str(nodes.forward(node))
        kernel.connect(self.siblings.reactor, path, url, address)
        return kernel

    def _closed(self, kernel: RemoteKernel) -> None:
        self._open.pop(kernel, None)

    def _count(self, holder: str, kernel: RemoteKernel) -> None:
        """What is unwritten of a kernel has changed."""
        if not kernel.unwritten:
            self._received.pop(kernel, None)
            return
        self._received[kernel] = holder
        while self.kept > self.most_received:
            sizes: Counter[str] = Counter()
            for each, who in self._received.items():
                sizes[who] += each.unwritten
            name = max(sizes, key=sizes.__getitem__)
            own = [each for each, who in self._received.items() if who == name]
            _log.warn(
                "a page is disconnected: {most} bytes of kernels of other servers wait for slow readers",
                most=self.most_received,
            )
            max(own, key=lambda each: each.unwritten).stall()

    def _has_room_for(self, holder: str) -> bool:
        """Whether `holder` has fewer than are left."""
        own = sum(each == holder for each in self._open.values())
        return own < self.most - len(self)

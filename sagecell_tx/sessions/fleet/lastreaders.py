"""What listeners of ended sessions have not read, and a bound on all of it."""

from __future__ import annotations

from attrs import define, field
from twisted.logger import Logger

from sagecell_tx.sessions.listeners.audience import Audience

_log = Logger()


@define(kw_only=True)
class LastReaders:
    """The audiences of ended sessions that may still read, by the name by which their visitors are counted.

    A kernel that has ended has given back its place, so no limit of kernels bounds how many logs wait for slow readers. What these
    have not read, or not written to their clients, has at most `most` bytes. Beyond that, the visitor with the most loses the listeners of the oldest
    session, as stalled ones. It is looked at when a session ends: afterwards a log only shrinks.
    """

    most: int
    _audiences: dict[str, list[Audience]] = field(factory=dict, init=False)

    @property
    def are_reading(self) -> bool:
        """Whether a listener has not read everything."""
        return any(_unread(each) for audiences in self._audiences.values() for each in audiences)

    @property
    def kept(self) -> int:
        """The bytes of all logs that somebody may still read."""
        logs = (each for audiences in self._audiences.values() for each in audiences)
        return sum(audience.unwritten for audience in logs if _may_read(audience))

    def add(self, who: str, audience: Audience) -> None:
        """A session of `who` has ended."""
        self._audiences.setdefault(who, []).append(audience)
        for name, audiences in list(self._audiences.items()):
            self._audiences[name] = [each for each in audiences if _may_read(each)]
            if not self._audiences[name]:
                del self._audiences[name]
        while True:
            # Anew each time: one connection of SockJS may listen to several kernels.
            sizes = {name: sum(map(_unread, each)) for name, each in self._audiences.items()}
            if sum(sizes.values()) <= self.most:
                break
            name = max(sizes, key=sizes.__getitem__)
            oldest = next(each for each in self._audiences[name] if _unread(each))
            _log.warn(
                "{kernel}: its listeners were dropped: those of ended kernels had not read {most} bytes",
                kernel=oldest.kernel_id,
                most=self.most,
            )
            oldest.drop_listeners()


def _may_read(audience: Audience) -> bool:
    return audience.listening > 0 or audience.awaits_return


def _unread(audience: Audience) -> int:
    """Bytes that are kept for listeners; those of clients that are away are bounded by `EndedSessions`."""
    return audience.unwritten if audience.listening else 0

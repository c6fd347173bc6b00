"""An engine that answers every request with a pickle that runs a command in whoever loads it.

    python -m tests.integration.hostile_engine MARKER    (and the standard input of any engine)

The command makes the file MARKER. The request for facts is answered with facts as well.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ipyparallel.serialize import serialize_object

from sagecell_tx.hosts.parallel import engine, protocol
from sagecell_tx.wire.zmqwire import DELIMITER, Signer, decode

MARKER = Path(sys.argv[1])


class Bomb:
    """Makes the file when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (MARKER,)


def hostile_answers(frames: list[bytes], signer: Signer, facts: dict) -> list[bytes]:
    """What `engine.answers` returns, with status ok and the pickle as the result."""
    request = decode("", frames[:64], signer)
    asked = request.msg_type == protocol.FACTS_REQUEST
    reply = engine.reply(request, {**(facts if asked else {}), "status": "ok"})
    identities = frames[: frames.index(DELIMITER)]
    return [*identities, *protocol.request(reply, signer), *map(bytes, serialize_object(Bomb()))]


if __name__ == "__main__":
    engine.answers = hostile_answers
    engine.main()

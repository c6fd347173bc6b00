"""``python -m benchmarks.bursts``: a client in its own process that reads as fast as it can.

Otherwise it would share an interpreter with the client that is measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.client import PATIENCE, Unexpected, WebSocketTalk, shown

_PROJECT = Path(__file__).parents[1]


@contextmanager
def bursting(talk: WebSocketTalk, count: int) -> Iterator[Callable[[], bool]]:
    """Make the kernel of `talk` display `count` numbers to a client in another process.

    Yields a function that returns whether the burst is still running. Raises `Unexpected` if
    that client did not receive all.
    """
    reader = subprocess.Popen(
        [sys.executable, "-m", __name__, talk.url, json.dumps(talk.headers), str(count)],
        cwd=_PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdout.readline()  # it is attached
        talk.leave()  # a client that does not read would hold the kernel
        reader.stdin.write(b"go\n")
        reader.stdin.flush()
        reader.stdout.readline()  # the burst has begun
        yield lambda: reader.poll() is None
        if reader.wait(PATIENCE):
            raise Unexpected("the client of the burst failed")
    finally:
        reader.kill()
        reader.communicate()


def main(url: str, headers: str, count: int) -> None:
    """Attach to the kernel, wait for the start signal, display and read."""
    talk = WebSocketTalk(url, end=lambda: None, headers=json.loads(headers))
    shown(talk, 1)
    print("there", flush=True)
    sys.stdin.readline()
    print("off", flush=True)
    shown(talk, count)
    talk.leave()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

"""A client of ipyparallel that tries to have everything done by all engines of a controller.

    python -m tests.integration.parallel_client MARKER [ATTEMPT...] < connection.json

Each attempt, or those that are named, would make the file MARKER, in an engine, or end engines. Prints what became of each: a word
and the name of the exception.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable

import ipyparallel

#: Seconds that an engine may take to answer.
PATIENCE = 30


def attempts(client: ipyparallel.Client, marker: str) -> dict[str, Callable[[], object]]:
    """What a client can ask for."""
    view = client[:]
    balanced = client.load_balanced_view()
    code = f"open({marker!r}, 'w')"
    return {
        "apply": lambda: view.apply_async(os.system, f"touch {marker}").get(PATIENCE),
        "balanced": lambda: balanced.apply_async(os.system, f"touch {marker}").get(PATIENCE),
        "execute": lambda: view.execute(code, block=False).get(PATIENCE),
        "broadcast": lambda: (
            client.broadcast_view().apply_async(os.system, f"touch {marker}").get(PATIENCE)
        ),
        "abort": lambda: client.abort(jobs=["1"], block=True),
        "clear": lambda: client.clear(block=True),
        "signal": lambda: client.send_signal(signal.SIGKILL, block=True),
        "shutdown": lambda: client.shutdown(block=True),
    }


def main() -> None:
    client = ipyparallel.Client(connection_info=json.load(sys.stdin), timeout=PATIENCE)
    client.wait_for_engines(1, timeout=PATIENCE)
    every = attempts(client, sys.argv[1])
    for name in sys.argv[2:] or every:
        try:
            every[name]()
        except Exception as error:
            several = getattr(error, "elist", None)  # of a CompositeError: one for each engine
            outcome = several[0][0] if several else getattr(error, "ename", type(error).__name__)
        else:
            outcome = "done"
        print(name, outcome, flush=True)  # noqa: T201
    os._exit(0)  # its threads wait for ever


if __name__ == "__main__":
    main()

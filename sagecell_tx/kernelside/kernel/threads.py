"""Output of a program's threads belongs to the request that started them, however late it comes.

Python's threads do not know the request that started them, and ipykernel attributes their output
to the latest one: an old cell would write into the output of a new one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


def follow(kernel: Any) -> None:
    """From now on, threads and pools' work inherit the parent request of their starter.

    Replaces `Thread.start` and `ThreadPoolExecutor.submit` in this process.
    """
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def start_of_request(thread: threading.Thread) -> None:
        run, parent = thread.run, kernel.get_parent("shell")

        def run_of_request() -> None:
            vars(thread).pop("run", None)
            _set(kernel, parent)
            run()

        thread.run = run_of_request  # type: ignore[method-assign]
        try:
            start(thread)
        except RuntimeError:
            vars(thread).pop("run", None)
            raise

    def submit_of_request(
        pool: ThreadPoolExecutor, work: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        parent = kernel.get_parent("shell")

        def work_of_request() -> Any:
            # The pool may have started the thread in an earlier request.
            _set(kernel, parent)
            return work(*args, **kwargs)

        return submit(pool, work_of_request)

    threading.Thread.start = start_of_request  # type: ignore[method-assign,assignment]
    ThreadPoolExecutor.submit = submit_of_request  # type: ignore[method-assign,assignment]


def _set(kernel: Any, parent: dict[str, Any]) -> None:
    """Make `parent` the parent of this thread's messages from now on."""
    kernel.shell.set_thread_parent(parent)
    kernel._shell_parent.set(parent)

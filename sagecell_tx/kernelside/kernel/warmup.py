"""Runs cells ahead of the programs of visitors, and leaves no trace of them.

Before the fork, so that what is made on first use is made once for all kernels; and in a kernel that
nobody has asked for yet, so that the first program does not wait while the pages of memory are
copied that a cell writes to.
"""

from __future__ import annotations

import builtins
import linecache
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

import zmq

from sagecell_tx.kernelside import listeningsockets
from sagecell_tx.kernelside.files import programfile
from sagecell_tx.kernelside.kernel.kernel import KernelParts
from sagecell_tx.kernelside.kernel.running import RunningKernel
from sagecell_tx.kernelside.output import figures

#: Lives after the first: Python specializes code that has run eight times.
_LIVES = 10

_COMMON = ("1+1",)

_CELLS = (
    "1+1",
    "print('text', {'a': [1.5, None]})",
    "from IPython.display import HTML, Markdown, Latex, display; display(HTML('<b>x</b>')); Latex('$x$')",
    "def _f(x):\n    return 1 / x\n_f(0)",
    "an syntax error",
    "undefined_name",
    "raise SystemExit",
    "import asyncio; await asyncio.sleep(0)",
    "%time 1",
    "%%timeit -n1 -r1\n1",
    "%pwd",
)

_PLOTTING = (
    """
import numpy
import matplotlib.pyplot as plt
figure, (left, right) = plt.subplots(1, 2)
points = numpy.linspace(0, 6, 50)
left.plot(points, numpy.sin(points), label='$\\\\sin \\\\frac{x}{2}$')
left.legend()
left.set_title('Warm')
right.scatter(points, points)
right.imshow(numpy.eye(3))
""",
    "plt.hist([1, 2, 2])",
    "del plt, numpy, figure, left, right, points",
)

_TABLES = ("import pandas; pandas.DataFrame({'a': [1, 2], 'b': ['x', 'y']}).describe()",)

#: What a kernel runs ahead: a program that prints, and an expression that is shown.
_REHEARSED = "print('')\n1+1"

#: The peer that a rehearsal's reply is for, which does not exist: ZMQ drops the reply.
_NOBODY = b"nobody"

#: How long the messages of a rehearsal may take to be dropped, in seconds.
_PATIENCE = 5.0

_COMPLETIONS = ("pri", "import os; os.pa", "imp", "'a'.", "%ti")


def warm(parts: KernelParts, cells: Sequence[str], completions: Sequence[str]) -> None:
    """Run the kernel from start to end several times, and reset its state after each life.

    `cells` and `completions` are run beside those of plain Python.

    The first life makes the objects that are made on first use. The others repeat the start of
    a kernel, so that Python specializes that code before the fork: it does so in place, and every
    kernel would copy the pages of that code.
    """
    fresh = dict(parts.kernel.shell.user_ns)
    streams = sys.stdout, sys.stderr
    parts.redirect_streams()
    try:
        _live(
            parts,
            (*_CELLS, *_cells_for_libraries(parts), *cells),
            (*_COMPLETIONS, *completions),
        )
        _forget(parts, fresh)
        for _ in range(_LIVES):
            # Python's attribute cache is small: entries that are used only once must go.
            sys._clear_type_cache()
            _live(parts, _COMMON, ())
            _forget(parts, fresh)
        figures.forget_fonts()
    finally:
        sys.stdout, sys.stderr = streams


def rehearse(running: RunningKernel) -> None:
    """Run a cell in a kernel that is open, before anybody can be connected to it.

    The kernel is as before: its namespace, its history, its count of executions and of messages, its
    files. What is published is dropped, since nobody subscribes yet.
    """
    parts = running.parts
    fresh = dict(parts.kernel.shell.user_ns)
    with _same_parents(parts), parts.serializer.uncounted():
        content = {"code": _REHEARSED, "silent": False, "store_history": True}
        request = parts.serializer.msg("execute_request", content)
        frames = [_NOBODY, *parts.serializer.serialize(request)]
        dispatch = partial(parts.kernel.dispatch_shell, [zmq.Frame(frame) for frame in frames])
        running.loop.run_sync(dispatch)
        parts.publisher.flush(_PATIENCE)
    _forget(parts, fresh)
    if (files := parts.kernel.changed_files) is not None:
        programfile.remove(files.root)


@contextmanager
def _same_parents(parts: KernelParts) -> Iterator[None]:
    """Restore what threads without a request of their own take for the latest one."""
    shell = parts.kernel.shell
    places = [
        (parts.kernel, "_shell_context"),
        (shell, "_parent_header_global"),
        (shell.displayhook, "_parent_header_global"),
        (shell.display_pub, "_parent_header_global"),
        (parts.stdout, "latest_parent"),
        (parts.stderr, "latest_parent"),
    ]
    before = [getattr(holder, name) for holder, name in places]
    try:
        yield
    finally:
        for (holder, name), value in zip(places, before, strict=True):
            setattr(holder, name, value)


def _cells_for_libraries(parts: KernelParts) -> tuple[str, ...]:
    cells: tuple[str, ...] = ()
    if "matplotlib.pyplot" in sys.modules:
        parts.kernel.shell.enable_matplotlib("inline")
        cells += _PLOTTING
    if "pandas" in sys.modules:
        cells += _TABLES
    return cells


def _live(parts: KernelParts, cells: tuple[str, ...], completions: tuple[str, ...]) -> None:
    """Run cells through real sockets, from the bind to the last close."""
    # An abstract name: there may be no directory that can be written to.
    prefix = f"@sagecell-{os.getpid()}"
    running = RunningKernel.open(parts, listeningsockets.bind(prefix), os.urandom(16))
    try:
        context = running.sockets.context
        with context.socket(zmq.DEALER) as client, context.socket(zmq.SUB) as reader:
            for socket, port in ((client, 1), (reader, 2)):
                socket.setsockopt(zmq.LINGER, 0)
                socket.connect(f"ipc://{prefix}-{port}")
            reader.setsockopt(zmq.RCVHWM, 0)
            reader.setsockopt(zmq.SUBSCRIBE, b"")
            reader.recv_multipart()  # the welcome
            for code in cells:
                _request(parts, client, "execute_request", code=code, stop_on_error=False)
            for code in completions:
                for kind in ("complete_request", "inspect_request"):
                    _request(parts, client, kind, code=code, cursor_pos=len(code))
            _request(parts, client, "execute_request", code="exit")
            running.run()
    finally:
        running.close()


def _request(parts: KernelParts, client: zmq.Socket[bytes], kind: str, **content: object) -> None:
    parts.serializer.send(client, kind, content)


def _forget(parts: KernelParts, fresh: dict[str, object]) -> None:
    """Reset the shell to its state before any cell."""
    shell = parts.kernel.shell
    shell.reset(new_session=False)
    shell.user_ns.update((name, fresh[name]) for name in fresh.keys() - shell.user_ns.keys())
    shell.execution_count = 1
    shell.exit_now = False
    history = shell.history_manager
    history.input_hist_parsed[:] = [""]
    history.input_hist_raw[:] = [""]
    for name in ("_i", "_ii", "_iii", "_i00"):
        setattr(history, name, "")
    shell.payload_manager.clear_payload()
    shell._last_traceback = None
    shell.compile.reset_compiler_flags()
    shell.compile._filename_map.clear()  # the numbers of cells in tracebacks
    for name in ("last_type", "last_value", "last_traceback"):
        with suppress(AttributeError):
            delattr(sys, name)
    with suppress(AttributeError):
        del builtins._  # type: ignore[attr-defined]
    linecache.clearcache()
    parts.serializer.digest_history.clear()

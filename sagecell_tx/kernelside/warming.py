"""Cells that a kernel runs before anybody's: what is made on first use is made once, for all."""

from __future__ import annotations

import asyncio
import builtins
import linecache
import sys
from contextlib import suppress

from sagecell_tx.kernelside.kernel import Parts

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
x = numpy.linspace(0, 6, 50)
left.plot(x, numpy.sin(x), label='$\\\\sin \\\\frac{x}{2}$')
left.legend()
left.set_title('Warm')
right.scatter(x, x)
right.imshow(numpy.eye(3))
""",
    "plt.hist([1, 2, 2])",
    "del plt, numpy, figure, left, right, x",
)

_TABLES = ("import pandas; pandas.DataFrame({'a': [1, 2], 'b': ['x', 'y']}).describe()",)

_COMPLETIONS = ("pri", "import os; os.pa", "imp", "'a'.", "%ti")


def warm(parts: Parts) -> None:
    """Run cells in the kernel's shell, whose output nobody hears, and forget them."""
    fresh = dict(parts.kernel.shell.user_ns)
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = parts.stdout, parts.stderr
    try:
        asyncio.run(_use(parts))
    finally:
        sys.stdout, sys.stderr = streams
    _forget(parts, fresh)


async def _use(parts: Parts) -> None:
    kernel = parts.kernel
    cells = list(_CELLS)
    if "matplotlib.pyplot" in sys.modules:
        kernel.shell.enable_matplotlib("inline")
        cells.extend(_PLOTTING)
    if "pandas" in sys.modules:
        cells.extend(_TABLES)
    for cell in cells:
        kernel.set_parent([], parts.session.msg("execute_request", {"code": cell}))
        await kernel.do_execute(cell, silent=False)
    for text in _COMPLETIONS:
        kernel.do_complete(text, len(text))
    with suppress(Exception):
        await kernel.do_inspect("print", 3)
    kernel.set_parent([], {"header": {}})


def _forget(parts: Parts, fresh: dict[str, object]) -> None:
    """Make the shell look as if it had never run anything."""
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
    for name in ("last_type", "last_value", "last_traceback"):
        with suppress(AttributeError):
            delattr(sys, name)
    with suppress(AttributeError):
        del builtins._  # type: ignore[attr-defined]
    linecache.clearcache()

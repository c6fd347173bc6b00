"""Warming leaves nothing open before the fork, and no trace in a kernel that nobody has asked for yet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernelside.driving import PATIENCE, private

pytestmark = pytest.mark.integration

PRELOAD = "matplotlib.pyplot"

#: The fonts of a formula are freed when fifty others were parsed after it. The files take every
#: number that the fork server's descriptors have had.
FORMULAS_BESIDE_OPEN_FILES = """
import gc, os
from matplotlib.mathtext import MathTextParser
files = [open(os.devnull) for _ in range(200)]
parser = MathTextParser("agg")
for number in range(60):
    parser.parse(f"${number}$")
gc.collect()
closed = []
for file in files:
    try:
        os.fstat(file.fileno())
    except OSError:
        closed.append(file.fileno())
"""


def test_a_program_keeps_its_files_when_formulas_are_forgotten(cell):
    assert cell.run(FORMULAS_BESIDE_OPEN_FILES).text("stderr") == ""
    assert cell.value("closed") == "[]"


def test_the_fork_server_has_no_font_open(server):
    descriptors = Path(f"/proc/{server.process.pid}/fd")
    opened = [os.readlink(each) for each in descriptors.iterdir()]
    assert not [each for each in opened if "fonts" in each]


#: A description of the state that a program finds. Objects are named by their types: addresses, times
#: and what is drawn at random differ between any two kernels.
STATE = """
def _describe():
    import asyncio, builtins, gc, json, linecache, os, signal, sys, tempfile, threading
    from IPython import get_ipython
    shell = get_ipython()
    kernel, history = shell.kernel, shell.history_manager
    namespace = {name: type(value).__name__ for name, value in shell.user_ns.items()}
    parents = (
        shell._parent_header_global, shell.displayhook._parent_header_global,
        shell.display_pub._parent_header_global, sys.stdout.latest_parent, kernel.get_parent("shell"),
    )
    return {
        "namespace": sorted(namespace.items()),
        "hidden": sorted(shell.user_ns_hidden),
        "In": list(shell.user_ns["In"])[:-1],
        "Out": dict(shell.user_ns["Out"]),
        "previous": [shell.user_ns.get(name) for name in ("_", "__", "___", "_i", "_ii", "_iii")],
        "count": shell.execution_count,
        "history": [history.input_hist_raw[:-1], history.input_hist_parsed[:-1], history.output_hist,
                    [str(path) for path in history.dir_hist] == [os.getcwd()], history.session_number],
        "underscore": hasattr(builtins, "_"),
        "errors": [hasattr(sys, name) for name in ("last_type", "last_value", "last_traceback")],
        "modules": sorted(sys.modules),
        "figures": sys.modules["matplotlib.pyplot"].get_fignums(),
        "files": sorted(os.listdir()),
        "temporary": [sorted(os.listdir(tempfile.gettempdir())), tempfile.gettempprefix()],
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "tasks": len(asyncio.all_tasks()),
        "payload": shell.payload_manager.read_payload(),
        "parents": [json.dumps(parent, default=str) == json.dumps(parents[-1], default=str)
                    for parent in parents],
        "collects": gc.isenabled(),
        "limits": shell.last_execution_succeeded,
        "lines": sorted(linecache.cache),
        "cells": len(shell.compile._filename_map),
        "blocks": kernel.session.block,
        "environment": sorted(os.environ),
    }
_described = _describe()
import pprint
print(pprint.pformat(_described, width=120))
"""


def test_a_kernel_that_ran_a_cell_ahead_is_as_a_fresh_one(server):
    shown = []
    for ahead in (False, True):
        cell = server.begin(ahead=ahead).cell()
        shown.append(cell.run(STATE))
        cell.stop()
    fresh, rehearsed = shown
    assert fresh.reply["execution_count"] == rehearsed.reply["execution_count"] == 1
    assert rehearsed.text("stderr") == fresh.text("stderr") == ""
    assert "'In': ['']" in fresh.text()
    assert "'cells': 1" in fresh.text()  # of those before the fork, nothing is left either
    assert rehearsed.text() == fresh.text()


def test_nothing_of_the_cell_that_ran_ahead_reaches_the_client(server):
    """The driver waits for the welcome: messages before it would be those of another connection."""
    cell = server.begin(ahead=True).cell()
    result = cell.run("6*7")
    assert [message["msg_type"] for message in result.messages] == [
        "status",
        "execute_input",
        "execute_result",
        "status",
    ]
    first = result.messages[0]
    assert first["parent_header"]["session"] == cell.session.session
    assert not cell.iopub.poll(0)
    assert not cell.shell.poll(0)
    cell.stop()


def test_the_ids_of_messages_do_not_count_what_ran_ahead(server):
    ids = []
    for ahead in (False, True):
        cell = server.begin(ahead=ahead).cell()
        ids.append(cell.run("6*7").messages[0]["header"]["msg_id"].rpartition("_")[2])
        cell.stop()
    assert ids[0] == ids[1]


def test_the_first_cell_of_a_kernel_that_ran_one_ahead_copies_few_pages(server):
    copied = []
    for ahead in (False, True):
        cell = server.begin(ahead=ahead).cell()
        before = private(cell.pid)
        cell.run("6*7")
        copied.append(private(cell.pid) - before)
        cell.stop()
    fresh, rehearsed = copied
    assert rehearsed < fresh / 3


#: Rehearses in this process, and compares what no client could: the states of random generators.
GENERATORS = """
import os, random, signal, sys, tempfile
import numpy
from sagecell_tx.kernelside import environment, listeningsockets
from sagecell_tx.kernelside.kernel import kernel, warmup
from sagecell_tx.kernelside.kernel.interrupts import PythonSigint
from sagecell_tx.kernelside.kernel.running import RunningKernel
from sagecell_tx.kernelside.kernel.shell import CellShell

def state():
    names = next(tempfile._get_candidate_names().rng for _ in "1")
    return (random.getstate(), repr(numpy.random.get_state()), names.getstate(),
            signal.getsignal(signal.SIGINT), dict(os.environ), os.getcwd(), os.listdir(),
            parts.stdout.latest_parent, parts.kernel.shell._parent_header_global,
            dict(parts.kernel._shell_context.items()))

parts = kernel.build(shell_class=CellShell, names=dict, sigint=PythonSigint())
warmup.warm(parts, (), ())
running = RunningKernel.open(parts, listeningsockets.bind(f"@test-{os.getpid()}"), b"key")
terminal = sys.stdout
parts.redirect_streams()
before = state()
warmup.rehearse(running)
after = state()
print("same" if after == before else (before, after), file=terminal, flush=True)
os._exit(0)
"""


def test_no_random_generator_is_used_ahead(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", GENERATORS],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stdout == "same\n", done.stderr

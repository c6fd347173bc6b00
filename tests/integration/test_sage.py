"""A server whose kernels have Sage, as an operator starts it and a page uses it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
import requests

from tests.integration.script import Client, ends, reply, text
from tests.integration.servers import Server, all_gone
from tests.integration.waiting import until
from tests.processtree import command_of, name_of
from tests.sagevenv import PYTHON

pytestmark = pytest.mark.sage

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
#: Sage's programs, and what ends a statement in their languages.
LANGUAGES = {"gap": ";", "gp": "", "maxima": ";", "singular": ";"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # Kernels end soon after their clients have left, so that each test finds its own.
    with Server(kernel_python=PYTHON, limits={"lifetime.detached_seconds": 0.1}) as server:
        yield server


def test_it_says_what_programs_find(server):
    status = server.status()
    assert (status["environment"], status["starting"]) == ("sage", False)


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("print(1+1)", "2\n"),
        ("print(factor(2^128+1))", "59649589127497217 * 5704689200685129054721\n"),
        ("print(integrate(x^2, x))", "1/3*x^3\n"),
    ],
)
def test_a_program_is_answered(server, code, printed):
    answer = requests.post(f"{server.url}/service", data={"code": code}, timeout=60).json()
    assert answer["success"], answer
    assert answer["stdout"] == printed


def stopped(client: Client, program: str, kernel: psutil.Process) -> str:
    """Run a program, and press Stop once it computes; returns the request's id."""
    msg_id = client.execute(f"print('in', flush=True)\n{program}")
    client.until(lambda message: message["msg_type"] == "stream")
    before = kernel.cpu_times().user
    until(lambda: kernel.cpu_times().user > before + 0.1)
    client.send("interrupt_request", {}, "control")
    return msg_id


def only_kernel(server: Server) -> psutil.Process:
    """The kernel, once those of earlier tests have ended."""
    until(lambda: len(server.kernels()) == 1)
    (kernel,) = server.kernels()
    return kernel


@pytest.mark.parametrize(
    ("program", "errors"),
    [
        ("factor(next_prime(10^45) * next_prime(10^46+7))", {"KeyboardInterrupt"}),
        ("maxima_calculus.eval('for n do mod(n^3, 7);')", {"KeyboardInterrupt"}),
        (
            "sage.rings.ideal.Cyclic(PolynomialRing(QQ, 8, 'a')).groebner_basis()",
            # The second if Singular's own function has noticed the interrupt first.
            {"KeyboardInterrupt", "RuntimeError"},
        ),
        ("libgap.SymmetricGroup(11).ConjugacyClassesSubgroups()", {"KeyboardInterrupt"}),
        ("while True: pass", {"KeyboardInterrupt"}),
    ],
    ids=["pari", "maxima", "singular", "libgap", "python"],
)
def test_a_computation_is_interrupted_before_its_kernel_is_ended(server, program, errors):
    with Client(server.url, timeout="600") as client:
        client.run("kept = 42")
        msg_id = stopped(client, program, only_kernel(server))
        said = client.until(lambda message: ends(message, msg_id))
        assert reply(said)["ename"] in errors
        assert text(client.run("print(kept)")) == "42\n"


@pytest.mark.parametrize(
    "program",
    [
        "random_matrix(ZZ, 1500).det()",
        "import collections, itertools\ncollections.deque(itertools.repeat(0r), 0r)",
    ],
    ids=["linear algebra", "python"],
)
def test_what_cannot_be_interrupted_is_gone_and_nothing_of_it_left(server, program):
    with Client(server.url, timeout="600") as client:
        client.run("; ".join(f"{name}.pid()" for name in LANGUAGES))
        kernel = only_kernel(server)
        processes = [kernel, *kernel.children(recursive=True)]
        assert {"gap", "gp", "maxima", "Singular"} <= {name_of(each) for each in processes}
        stopped(client, program, kernel)
        said = list(client.receive_all())
        assert said[-1]["content"]["reason"] == "stopped"
        until(all_gone(processes))
        server.until_quiet()


def test_it_stops_in_order_while_it_is_loading():
    loading = Server(kernel_python=PYTHON)
    try:
        loading.launch()
        until(lambda: loading.listens() and bool(scratch_directories(loading)))
        loading.fork_server.suspend()  # or it may have loaded everything before what follows
        status = loading.status()
        assert (status["starting"], status["environment"]) == (True, "sage")
        with closing(HTTPConnection("127.0.0.1", loading.port, timeout=60)) as waiting:
            waiting.request("POST", "/service", "code=1%2B1", FORM)
            assert loading.status()["starting"]  # and the request before this one was read
            processes = [loading.fork_server, *loading.web.children(recursive=True)]
            (scratch,) = scratch_directories(loading)
            assert loading.process is not None
            loading.process.send_signal(signal.SIGTERM)
            with suppress(psutil.NoSuchProcess):
                processes[0].resume()
            assert loading.process.wait(timeout=60) == 0
            with waiting.getresponse() as answer:
                assert (answer.status, json.load(answer)["error"]) == (503, "draining")
        assert loading.notice() == b"STOPPING=1"
        until(all_gone(processes))
        until(lambda: not scratch.exists())
        assert "Traceback" not in loading.log()
    finally:
        loading.__exit__()


def scratch_directories(server: Server) -> list[Path]:
    """Where Sage writes while it is loaded: what the processes beside fork servers are to remove."""
    commands = (command_of(each) for each in server.web.children(recursive=True))
    return [Path(path) for *before, path in filter(None, commands) if before[3:] == ["sh"]]


def test_it_stops_in_order_after_each_language_was_used(server):
    """The last test: it stops the server of all."""
    with Client(server.url, timeout="600") as client:
        for language, end in LANGUAGES.items():
            assert text(client.run(f"print({language}.eval('1+1{end}'))")) == "2\n"
        client.run("libgap.eval('1+1')")
        scratch = Path(text(client.run("print(DOT_SAGE)")).strip())
        assert scratch.is_dir()
        processes = server.web.children(recursive=True)
        assert server.stop() == 0
    assert all_gone(processes)()
    assert not scratch.exists()

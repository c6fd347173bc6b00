"""Real interrupts of Python and of libraries in C, each of which the kernel survives."""

from __future__ import annotations

import psutil
import pytest

from tests.integration.waiting import until

pytestmark = pytest.mark.sage


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "pari('factor(nextprime(10^45)*nextprime(10^46+7))')",
        "factor(next_prime(10^45)*next_prime(10^46+7))",
        "libgap.eval('while true do od;')",
        "from sage.rings.polynomial.multi_polynomial_ideal import *\n"
        "sage.rings.ideal.Cyclic(PolynomialRing(QQ, 8, 'a')).groebner_basis()",
        "maxima_calculus.eval('for n do mod(n^3, 7);')",
        "libgap.SymmetricGroup(11).ConjugacyClassesSubgroups()",
    ],
)
def test_a_computation_is_interrupted_and_the_kernel_lives(cell, code):
    request = cell.execute(f"print('begun', flush=True)\n{code}")
    cell.until_printed("begun\n")
    # Libraries lose an interrupt that comes in the microseconds in which they begin. Before, there are imports.
    kernel = psutil.Process(cell.pid)
    before = kernel.cpu_times().user
    until(lambda: kernel.cpu_times().user > before + 0.5)
    cell.signal("INT")
    while cell.message()["content"].get("execution_state") != "idle":
        pass
    assert cell.receive(cell.shell)["parent_header"]["msg_id"] == request
    assert cell.value("factor(2^128+1)") == "59649589127497217 * 5704689200685129054721"


def test_an_interrupt_while_singular_is_started_is_not_lost(cell):
    cell.execute(
        "import os, signal\n"
        "stopped = []\n"
        "def stop():\n"
        "    if not stopped:\n"
        "        stopped.append(True)\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "os.register_at_fork(before=stop)\n"
        "singular('1+1')\n"
        "print('ran on')"
    )
    assert cell.receive(cell.shell)["content"]["ename"] == "KeyboardInterrupt"
    assert cell.value("1+1") == "2"

"""What no two kernels share: random numbers, temporary files."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.sage

#: A number of each random generator that programs can reach, by its name.
DRAWN = """
import random as python_random, numpy, sympy.core.random, mpmath
from sage.libs.ecl import ecl_eval
from sage.libs.singular.function import singular_function
from sage.misc.randstate import current_randstate
{
    "python": python_random.random(),
    "numpy": float(numpy.random.rand()),
    "numpy's new": float(numpy.random.default_rng().random()),
    "sympy": sympy.core.random.random(),
    "mpmath": float(mpmath.rand()),
    "sage": ZZ.random_element(10^30),
    "sage's seed": initial_seed(),
    "sage's python": float(random()),
    "libc": current_randstate().c_random(),
    "ntl": str(ntl.ZZ_random(10^30)),
    "pari": str(pari("random(10^30)")),
    "libgap": str(libgap.Random(1, 10^9)),
    "libgap's classic": str(libgap.eval("Random(GlobalRandomSource, 1, 10^9)")),
    "libsingular": singular_function("random")(1, 10^9, ring=QQ["x, y"]),
    "singular": singular.eval("random(1, 1000000000)"),
    "gap": gap.eval("Random(1, 10^9)"),
    "gp": gp.eval("random(10^30)"),
    "maxima": str(maxima_calculus.eval("random(10^9)")),
    "maxima as a program": maxima.eval("random(10^9)"),
    "ecl": str(ecl_eval("(random 1000000000)")),
}
"""


def test_no_two_share_their_chance(server):
    cells = [server.start() for _ in range(2)]
    first, second = (eval(cell.value(DRAWN)) for cell in cells)
    assert [name for name in first if first[name] == second[name]] == []
    for cell in cells:
        cell.stop()


def test_maxima_compiles_what_it_loads(server):
    cell = server.start()
    assert cell.value("exp(matrix(QQ, [[0, 1], [0, 0]])) == matrix([[1, 1], [0, 1]])") == "True"
    assert str(cell.directory) in cell.value("sage.libs.ecl.ecl_eval('maxima::*maxima-objdir*')")
    cell.stop()


def test_temporary_files_are_the_kernels_own(server):
    cells = [server.start() for _ in range(2)]
    names = [cell.value("tmp_filename()").strip("'") for cell in cells]
    for cell, name in zip(cells, names, strict=True):
        assert str(cell.directory) in name
        assert cell.value(f"open({name!r}, 'w').write('x')") == "1"
        cell.stop()

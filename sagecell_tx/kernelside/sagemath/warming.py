"""Cells that use each part of Sage once before the fork, so that no kernel is the first."""

from __future__ import annotations

#: Lets Maxima load parts of itself that are there as sources only, such as linearalgebra, without
#: asking at a terminal whether it may.
_MAXIMA = """
from sage.libs.ecl import ecl_eval
ecl_eval('(maxima::$load "lisp-utils/defsystem.lisp")')
ecl_eval("(setf mk::*load-source-if-no-binary* t mk::*bother-user-if-no-binary* nil)")
ecl_eval("(setf mk::*compile-during-load* nil)")
del ecl_eval
"""

#: None may fail, or it warms nothing; each is one subject.
CELLS = (
    "1+1",
    "factor(2^128+1); pari('factor(2^64+1)')",
    "integrate(x^2, x); limit(sin(x)/x, x=0); solve(x^2 == 2, x); sum(x, x, 1, 9)",
    _MAXIMA,
    "y = function('y')(x); desolve(diff(y, x) == x, y, ivar=x)",
    "matrix(ZZ, 3, range(9)).det(); matrix(QQ, [[1, 2], [3, 4]]).eigenvalues()",
    "R.<a, b> = QQ[]; R.ideal(a^2 - b, a*b - 1).groebner_basis()",
    "SymmetricGroup(4).conjugacy_classes(); libgap.eval('1+1')",
    "graphs.PetersenGraph().chromatic_number()",
    "EllipticCurve([0, 1]).rank()",
    "latex(x^2/2); ascii_art(x/2)",
    "show(x^2/2)",
    "plot(sin(x), (x, 0, 1))",
    "sphere()",
    "del R, a, b, y",
)

#: Last: the first traceback after an import looks at all modules.
FAILING = "undefined_name"

COMPLETIONS = ("integ", "x.der", "factor")


def end_programs() -> None:
    """End GAP, Singular and the like, if a cell has started them."""
    from sage.interfaces.quit import expect_quitall

    expect_quitall()

"""Interacts of the kinds that lessons have: they answer, and follow their controls."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent
from typing import Any

import pytest

from tests.kernelside.sagemath.interacting import show

pytestmark = pytest.mark.sage

#: Programs by name: the code, the values to send, and what is printed at the end.
PROGRAMS: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "Taylor series": (
        """
        @interact
        def _(f=sin(x), order=(1..12), centre=(0, 2*pi)):
            series = f.taylor(x, centre.n(digits=3).round(), order)
            show(plot(f, (x, -4, 4)) + plot(series, (x, -4, 4), color="red", ymin=-2, ymax=2))
            print(series)
        """,
        {"f": "cos(x)", "order": 3},
        "1/24*x^4 - 1/2*x^2 + 1",
    ),
    "Newton's method": (
        """
        @interact
        def _(f=x^2 - 2, start=(1.0, (-3, 3, 0.5)), steps=slider(1, 8, 1, default=4)):
            derivative, at = diff(f, x), start
            for _ in range(steps):
                at = (at - f.subs(x=at) / derivative.subs(x=at)).n()
            show(plot(f, (x, -3, 3)) + point((at, 0), color="red", size=40))
            print(at.n(digits=8))
        """,
        {"start": 2.0, "steps": 6},
        "1.4142136",
    ),
    "Riemann sums": (
        """
        @interact
        def _(f=input_box(x^2, type=SR), ends=range_slider(0, 4, 1, default=(0, 1)),
              n=slider([2, 4, 8, 16]), rule=selector(["left", "right"], buttons=True)):
            a, b = ends
            width = (b - a) / n
            shift = 0 if rule == "left" else 1
            print(sum(f(x=a + (k + shift) * width) for k in range(n)) * width)
        """,
        {"ends": [0, 2], "n": 1, "rule": 1},
        "15/4",
    ),
    "A curve": (
        """
        t = var("t")
        @interact
        def _(a=(1, 5, 1), b=(1, 5, 1), colour=Color("red")):
            show(parametric_plot((sin(a*t), cos(b*t)), (t, 0, 2*pi), color=colour))
            print(a, b, colour.html_color())
        """,
        {"a": 3, "b": 2, "colour": "#00ff00"},
        "3 2 #00ff00",
    ),
    "A matrix moves a triangle": (
        """
        @interact
        def _(m=matrix(QQ, [[1, 0], [0, 1]]), v=vector(QQ, [1, 1])):
            show(polygon([m * vector(each) for each in [(0, 0), (1, 0), (0, 1)]]))
            print(m * v, m.det())
        """,
        {"m": [["2", "1"], ["0", "1/2"]]},
        "(3, 1/2) 1",
    ),
    "Multiplication modulo n": (
        """
        @interact
        def _(n=(2..12)):
            ring = Integers(n)
            print(matrix(ring, n - 1, [a * b for a in ring if a for b in ring if b]))
        """,
        {"n": 1},
        "[1 2]\n[2 1]",
    ),
    "Secret messages": (
        """
        @interact
        def _(text="SAGE", key=slider(0, 25, 1, default=3)):
            print("".join(chr((ord(each) - 65 + key) % 26 + 65) for each in text))
        """,
        {"text": "HAL", "key": 1},
        "IBM",
    ),
    "Factoring": (
        """
        @interact
        def _(n=2^10 - 1, tree=False):
            print(list(factor(n)) if tree else factor(n))
        """,
        {"n": "2^11-1", "tree": True},
        "[(23, 1), (89, 1)]",
    ),
    "A tangent": (
        """
        @interact
        def _(f=input_box("x^3", label="$f$"), at=(-1, 1, 1/4)):
            f = SR(f)
            line = f(x=at) + diff(f, x)(x=at) * (x - at)
            show(plot([f, line], (x, -2, 2)))
            print(line)
        """,
        {"at": 6},
        "3/4*x - 1/4",
    ),
    "The unit circle": (
        """
        @interact
        def _(angle=slider(0, 2*pi, pi/6, label="Angle")):
            show(circle((0, 0), 1) + line([(0, 0), (cos(angle), sin(angle))]), aspect_ratio=1)
            print(cos(angle), sin(angle))
        """,
        {"angle": 1},
        "1/2*sqrt(3) 1/2",
    ),
    "Solving an equation": (
        """
        @interact
        def _(equation=x^2 == 4, auto_update=False):
            print(solve(equation, x))
        """,
        {"equation": "x^2 == 9", "auto_update": True},
        "[\nx == -3,\nx == 3\n]",
    ),
    "A field of slopes": (
        """
        x, y = var("x, y")
        @interact
        def _(right=x - y, start=(1/2, [1/2, 1, 3/2]), steps=(2, (1..5))):
            show(plot_slope_field(right, (x, 0, 2), (y, 0, 2)))
            at, height = 0, start
            for _ in range(steps):
                at, height = at + 1/2, height + right(x=at, y=height) / 2
            print(height)
        """,
        {"start": 1, "right": "x + y"},
        "5/2",
    ),
    "Binomial coefficients": (
        """
        @interact
        def _(n=slider(0, 20, 1, 4), p=ContinuousSlider((0, 1), 1/2, stepsize=1/20)):
            show(bar_chart([binomial(n, k) * p^k * (1 - p)^(n - k) for k in range(n + 1)]))
            print([binomial(n, k) for k in range(n + 1)], p)
        """,
        {"n": 3, "p": 0.25},
        "[1, 3, 3, 1] 0.250000000000000",
    ),
    "A graph": (
        """
        @interact
        def _(g=selector([(graphs.PetersenGraph(), "Petersen"), (graphs.CompleteGraph(4), "K4")]),
              head=text_control("<h3>Colours</h3>")):
            show(g.plot(partition=g.coloring()))
            print(g.chromatic_number())
        """,
        {"g": 1},
        "4",
    ),
    "A system of equations": (
        """
        @interact
        def _(A=input_grid(2, 2, default=[[1, 1], [1, -1]], to_value=lambda rows: matrix(QQ, rows)),
              b=input_grid(2, 1, default=1/2, to_value=lambda rows: matrix(QQ, rows).column(0))):
            print(A.solve_right(b))
        """,
        {"A": [["2", "0"], ["0", "4"]]},
        "(1/4, 1/8)",
    ),
    "A composed function": (
        """
        f(x) = x^2 + 1
        @interact
        def _(f=f, n=(1, 3, 1)):
            g = x
            for _ in range(n):
                g = f(g)
            print(g.expand())
        """,
        {"f": "2*x", "n": 3},
        "8*x",
    ),
}


@pytest.fixture(scope="module")
def kernel(server):
    """One kernel for all programs, one after the other."""
    cell = server.start()
    yield cell
    cell.stop()


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_follow_their_controls(kernel, name):
    code, values, printed = PROGRAMS[name]
    interact = show(kernel, dedent(code))
    assert interact.result.of("error") == []
    assert set(values) <= set(interact.announced["controls"])
    # Pictures come before it.
    assert interact.move(**values).endswith(printed)
    assert interact.result.reply["status"] == "ok"

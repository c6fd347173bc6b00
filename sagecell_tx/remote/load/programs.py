"""What visitors run: small programs of several kinds, each with what it must give."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random

from attrs import frozen

from sagecell_tx.remote.load.outcomes import Outcome

#: Lines of long output.
LINES = 20_000


@frozen(kw_only=True)
class LoadProgram:
    """One program. `is_right` tells whether an outcome is what it must be.

    `file` is the name and the content of a file that it makes. The values in `updates` are sent to the control
    ``n`` of its interact, one after the other, and `squares` tells whether the output of one is right.
    """

    code: str
    is_right: Callable[[Outcome], bool]
    file: tuple[str, bytes] | None = None
    updates: tuple[int, ...] = ()


def _prints(text: str) -> Callable[[Outcome], bool]:
    return lambda outcome: outcome.text == text and not outcome.error


def squares(value: int) -> Callable[[Outcome], bool]:
    """Whether the output of an update of an interact is right."""
    return _prints(f"{value**2}\n")


def _arithmetic(random: Random) -> LoadProgram:
    one, other = random.randrange(10**6), random.randrange(10**6)
    return LoadProgram(code=f"print({one} * {other})", is_right=_prints(f"{one * other}\n"))


def _numpy(random: Random) -> LoadProgram:
    count = random.randrange(1000, 100_000)
    code = f"import numpy as np\nprint(int(np.arange({count}, dtype='int64').sum()))"
    return LoadProgram(code=code, is_right=_prints(f"{count * (count - 1) // 2}\n"))


def _plot(random: Random) -> LoadProgram:
    code = (
        "import matplotlib.pyplot as plt\n"
        f"plt.plot([{random.randrange(9)}, 1, {random.randrange(9)}])\nplt.show()"
    )
    return LoadProgram(
        code=code, is_right=lambda outcome: "image/png" in outcome.media and not outcome.error
    )


def _interact(random: Random) -> LoadProgram:
    return LoadProgram(
        code="@interact\ndef f(n=(0, 1000)):\n    print(round(n) ** 2)",
        is_right=lambda outcome: bool(outcome.interact) and not outcome.error,
        updates=tuple(random.randrange(1000) for _ in range(3)),
    )


def _error(random: Random) -> LoadProgram:
    return LoadProgram(
        code=f"{random.randrange(1, 100)} / 0",
        is_right=lambda outcome: outcome.error == "ZeroDivisionError",
    )


@cache
def _numbers() -> str:
    return "".join(f"{number}\n" for number in range(LINES))


def _long(random: Random) -> LoadProgram:
    code = f"for number in range({LINES}): print(number)"
    return LoadProgram(code=code, is_right=_prints(_numbers()))


def _file(random: Random) -> LoadProgram:
    text = f"{random.getrandbits(128):032x}"
    return LoadProgram(
        code=f"with open('kept.txt', 'w') as file:\n    _ = file.write('{text}')",
        is_right=lambda outcome: outcome.files == ["kept.txt"],
        file=("kept.txt", text.encode("ascii")),
    )


#: Makes a program of one kind.
Make = Callable[[Random], LoadProgram]

#: By name; the number is how often each is run, relative to the others.
PROGRAMS: dict[str, tuple[int, Make]] = {
    "arithmetic": (8, _arithmetic),
    "numpy": (4, _numpy),
    "plot": (3, _plot),
    "interact": (2, _interact),
    "error": (2, _error),
    "long": (1, _long),
    "file": (2, _file),
}

#: Those that need no kernel of their own, and no media types beside text.
FOR_SERVICE = frozenset({"arithmetic", "numpy", "error", "long", "file"})

"""What visitors of the ordeal run: the programs of ``sagecell-tx load``, and some that take long enough to be cut."""

from __future__ import annotations

from random import Random

from sagecell_tx.remote.load.programs import PROGRAMS, LoadProgram, Make

#: Bytes of a large file: some of PostgreSQL's pages.
LARGE = 200_000

#: Lines of a program that prints one each half second.
LINES = 10


def _slow(random: Random) -> LoadProgram:
    code = (
        f"import time\nfor number in range({LINES}):\n"
        "    print(number, flush=True)\n    time.sleep(0.5)"
    )
    expected = "".join(f"{number}\n" for number in range(LINES))
    return LoadProgram(
        code=code, is_right=lambda outcome: outcome.text == expected and not outcome.error
    )


def _large(random: Random) -> LoadProgram:
    seed = random.getrandbits(32)
    code = (
        "import random\nwith open('large.bin', 'wb') as file:\n"
        f"    _ = file.write(random.Random({seed}).randbytes({LARGE}))"
    )
    return LoadProgram(
        code=code,
        is_right=lambda outcome: outcome.files == ["large.bin"],
        file=("large.bin", Random(seed).randbytes(LARGE)),
    )


ORDEAL_PROGRAMS: dict[str, tuple[int, Make]] = {
    **PROGRAMS,
    "slow": (4, _slow),
    "large": (4, _large),
}

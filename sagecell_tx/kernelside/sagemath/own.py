"""What each kernel makes its own after the fork: random generators, a temporary directory."""

from __future__ import annotations

import tempfile

from sage.interfaces.maxima_lib import maxima
from sage.libs.ecl import ecl_eval
from sage.libs.singular.function import singular_function
from sage.misc import temporary_file
from sage.misc.randstate import current_randstate, set_random_seed

from sagecell_tx.kernelside.sagemath.languages.cells import INTERPRETERS

_singular = singular_function("system")


def temporary_directory(place: str) -> None:
    """Use a directory in `place` for Sage's temporary files, instead of the fork server's."""
    # That one is the fork server's to remove.
    temporary_file.TMP_DIR_FILENAME_BASE._finalizer.detach()
    temporary_file.TMP_DIR_FILENAME_BASE = tempfile.TemporaryDirectory(prefix="sage_", dir=place)


def compiled_parts_of_maxima(place: str) -> None:
    """Let the Maxima in this process compile in `place` what it loads of its own sources.

    It would do so in the home of the fork server's account, which it cannot write to.
    """
    ecl_eval(f'(setf maxima::*maxima-objdir* "{place}")')


def working_directory(place: str) -> None:
    """Start the programs that Sage talks to in `place`."""
    for each in INTERPRETERS.values():
        each.use_directory(place)


def seed() -> None:
    """Seed Sage's random generators, and those of the libraries in this process.

    `set_random_seed` alone leaves the libraries' as they are: each is seeded when Sage uses it for
    the first time, which was before the fork.
    """
    set_random_seed()
    state = current_randstate()
    state.set_seed_libc(True)
    state.set_seed_ntl(True)
    state.set_seed_pari()
    state.set_seed_libgap()
    number = int(state.seed())
    maxima.eval(f"set_random_state(make_random_state({number % 2**32}))$")
    ecl_eval("(setf *random-state* (make-random-state t))")  # of Lisp itself; Maxima has its own
    _singular("random", number % 2**31)

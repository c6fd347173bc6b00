"""Runs a filter on a system call as Linux does, according to seccomp(2)."""

from __future__ import annotations

import errno
import operator
import struct
from functools import cache

import pyseccomp

from sagecell_tx.kernelside.sandbox import seccomp

#: The numbers of architectures in linux/audit.h.
HERE, I386 = pyseccomp.system_arch(), pyseccomp.Arch.X86

_LOAD, _AND, _JUMP, _RETURN = 0x20, 0x54, 0x05, 0x06
_COMPARISONS = {0x15: operator.eq, 0x25: operator.gt, 0x35: operator.ge, 0x45: operator.and_}

ALLOWED = "allowed"

#: The call returns 0, and Linux does nothing.
DONE = "done"

#: Instructions: code, how far to jump if it holds and if not, constant.
Program = list[tuple[int, ...]]


@cache
def compiled(*, own_network: bool) -> Program:
    """The filter for kernels."""
    made = seccomp.compile_filter(own_network=own_network)
    assert made is not None, "the tests need libseccomp"
    return [*struct.iter_unpack("=HBBI", made.instructions)]


def answer(program: Program, number: int, *arguments: int, architecture: int = HERE) -> str:
    """`ALLOWED`, `DONE`, or the name of the error."""
    padded = [argument & 0xFFFFFFFFFFFFFFFF for argument in (*arguments, *[0] * 6)][:6]
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, architecture, 0, *padded)
    action = _run(program, data)
    if action == 0x7FFF0000:
        return ALLOWED
    assert action & 0xFFFF0000 == 0x00050000, hex(action)
    return errno.errorcode[action & 0xFFFF] if action & 0xFFFF else DONE


def _run(program: Program, data: bytes) -> int:
    place = accumulator = 0
    while True:
        code, then, otherwise, constant = program[place]
        place += 1
        if code == _LOAD:
            (accumulator,) = struct.unpack_from("=I", data, constant)
        elif code == _AND:
            accumulator &= constant
        elif code == _JUMP:
            place += constant
        elif code == _RETURN:
            return constant
        else:
            place += then if _COMPARISONS[code](accumulator, constant) else otherwise

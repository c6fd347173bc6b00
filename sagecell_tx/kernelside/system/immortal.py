"""Makes all objects of this process immortal, from Python 3.12 on: their references are not counted any more.

To use an object is otherwise to write to it, and a forked process copies the page of all that it uses.
What is immortal is never freed. So this is for a process whose objects are there to be shared.

Source: PEP 683; the field ``ob_refcnt`` in Include/object.h of Python 3.12 to 3.14.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import sysconfig
from types import CodeType, FrameType


def possible() -> bool:
    """Whether this Python has immortal objects, and counts references as Python usually does."""
    plain = not sysconfig.get_config_var("Py_GIL_DISABLED") and not hasattr(sys, "gettotalrefcount")
    return sys.version_info >= (3, 12) and sys.byteorder == "little" and plain


def make_all() -> None:
    """Make all objects immortal that the garbage collector knows, and all that these refer to.

    Frames stay mortal. Does nothing where it is not `possible`.
    """
    if not possible():
        return
    # The lower half of the count, as Python has set it for an object of its own that is immortal. An object that
    # has it was visited.
    count = ctypes.c_uint32.from_address
    immortal = count(id(None)).value
    waiting = gc.get_objects()
    while waiting:
        each = waiting.pop()
        if isinstance(each, FrameType):
            continue
        here = count(id(each))
        if here.value != immortal:
            here.value = immortal
            waiting += _parts(each) if type(each) is CodeType else gc.get_referents(each)


def _parts(code: CodeType) -> list[object]:
    """What a code object refers to, which the garbage collector is not told."""
    return [
        code.co_consts,
        code.co_names,
        code.co_name,
        code.co_qualname,
        code.co_filename,
        code.co_linetable,
        code.co_exceptiontable,
        *code.co_varnames,
        *code.co_cellvars,
        *code.co_freevars,
    ]

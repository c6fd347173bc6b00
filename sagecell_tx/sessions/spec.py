"""Kinds of kernels, in the terms of Jupyter's kernel specs."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class KernelSpec:
    """One kind of kernel; equal ones are the same kind.

    See "Kernel specs" in the documentation of jupyter_client. How a kernel is started is not part
    of it: the host knows that.
    """

    name: str  # for programs: ASCII letters, digits, ".", "-" and "_"
    display_name: str  # for people
    language: str  # the kernel's own, as its `language_info` names it


#: IPython, as the fork server has loaded it.
PYTHON = KernelSpec(name="python3", display_name="Python 3", language="python")

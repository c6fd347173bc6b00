"""The kinds of kernels that there are."""

from __future__ import annotations

from ipykernel.kernelspec import KERNEL_NAME, get_kernel_dict

from sagecell_tx.sessions.spec import PYTHON


def test_the_forked_kernel_has_name_and_language_of_ipykernels_kernelspec() -> None:
    assert (PYTHON.name, PYTHON.language) == (KERNEL_NAME, get_kernel_dict()["language"])

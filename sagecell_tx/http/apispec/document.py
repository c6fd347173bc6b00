"""The OpenAPI document. Source: https://spec.openapis.org/oas/v3.1.1.html"""

from __future__ import annotations

import re
from typing import Any

from sagecell_tx import __version__
from sagecell_tx.http.apispec.operations import paths
from sagecell_tx.http.apispec.schemas import schemas
from sagecell_tx.limits import RequestLimits

_DESCRIPTION = (
    "Kernels for Jupyter's clients, and programs in one request. docs/protocol.rst and "
    "docs/jupyter.rst of the server explain them."
)


def document(limits: RequestLimits, baseurl: str) -> dict[str, Any]:
    """The description of a server with these limits, whose paths `baseurl` precedes."""
    described = paths()
    for path, item in described.items():
        names = re.findall(r"\{(\w+)\}", path)
        if names:
            item["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in names
            ]
        for method, operation in item.items():
            if method != "parameters":
                operation["operationId"] = _identifier(method, path)
    return {
        "openapi": "3.1.0",
        "info": {"title": "sagecell-tx", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": baseurl or "/"}],
        # A token is one of the server's API keys, and may be left out.
        "security": [{}, {"bearer": []}, {"query": []}],
        "paths": described,
        "components": {
            "schemas": schemas(limits),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "query": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
    }


def _identifier(method: str, path: str) -> str:
    """A name of an operation, such as ``get_kernels_kernel_id``, for generators of clients."""
    words = re.findall(r"\w+", path.removeprefix("/api"))
    return "_".join((method, *words))

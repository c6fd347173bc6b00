"""What can be asked below ``/api``: each path, its methods, and their answers by status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagecell_tx.http.apispec.schemas import a_list_of, ref
from sagecell_tx.http.serving.accept import EVENTS
from sagecell_tx.http.serving.ndjson import NDJSON

_JSON = "application/json"

#: The errors of every operation that reads a token, and of those that admit visitors.
_OF_TOKENS = {
    "400": "A parameter is not UTF-8.",
    "403": "The token is unknown, or the terms of service are not accepted.",
}
_OF_ADMISSION = {
    **_OF_TOKENS,
    "400": "The body is malformed, or says something impossible.",
    "413": "The body, or a part of it, is too large.",
    "429": "There are too many kernels, requests or bytes; Retry-After says when to try again.",
    "503": "The server is loading or being stopped, or no kernel could be started.",
}
_UNKNOWN = {"404": "There is nothing of this name or id, or it has ended."}

_KERNEL = {**_OF_TOKENS, **_UNKNOWN}


def _content(schema: dict[str, Any], *kinds: str) -> dict[str, Any]:
    return {kind: {"schema": schema} for kind in kinds or (_JSON,)}


def _operation(
    summary: str,
    answers: Mapping[str, tuple[str, dict[str, Any] | None]],
    errors: Mapping[str, str],
    body: dict[str, Any] | None = None,
    *,
    requires_body: bool = False,
) -> dict[str, Any]:
    """One operation. `answers` have a description and perhaps content, by their status."""
    responses: dict[str, Any] = {
        status: {"description": told} | ({} if content is None else {"content": content})
        for status, (told, content) in answers.items()
    }
    for status, told in sorted(errors.items()):
        responses[status] = {"description": told, "content": _content(ref("Error"))}
    operation: dict[str, Any] = {"summary": summary, "responses": responses}
    if body is not None:
        operation["requestBody"] = {"content": _content(body), "required": requires_body}
    return operation


def _get(
    summary: str, schema: dict[str, Any], errors: Mapping[str, str] = _OF_TOKENS
) -> dict[str, Any]:
    return _operation(summary, {"200": ("Found.", _content(schema))}, errors)


def paths() -> dict[str, Any]:
    """All paths. Every GET answers HEAD as well, and every path OPTIONS."""
    return {
        "/api": {
            "get": _get("The versions of the interface and of the server", ref("Version"), {})
        },
        "/api/spec.json": {"get": _get("This document", {"type": "object"}, {})},
        "/api/me": {
            "get": {
                **_get(
                    "Who the client is",
                    ref("Identity"),
                    {**_OF_TOKENS, "400": "The permissions are malformed."},
                ),
                "parameters": [
                    {
                        "name": "permissions",
                        "in": "query",
                        "description": "Actions by resource, as JSON.",
                        "schema": {"type": "string"},
                    }
                ],
            }
        },
        "/api/status": {"get": _get("The server's load", ref("Status"), {})},
        "/api/kernelspecs": {"get": _get("All kernelspecs", ref("Kernelspecs"))},
        "/api/kernelspecs/{name}": {"get": _get("A kernelspec", ref("Kernelspec"), _KERNEL)},
        **_kernels(),
        **_sessions(),
        **_absent(),
        "/api/execute": {"post": _execute()},
    }


def _kernels() -> dict[str, Any]:
    created = {"201": ("Started; Location has its path.", _content(ref("Kernel")))}
    done = {"204": ("Done.", None)}
    path = "/api/kernels/{kernel_id}"
    return {
        "/api/kernels": {
            "get": _get("The kernels of the token; none without one", a_list_of(ref("Kernel"))),
            "post": _operation(
                "Start a kernel", created, {**_OF_ADMISSION, **_UNKNOWN}, ref("NewKernel")
            ),
        },
        path: {
            "get": _get("A kernel", ref("Kernel"), _KERNEL),
            "delete": _operation("End a kernel", done, _KERNEL),
        },
        f"{path}/interrupt": {"post": _operation("Interrupt a kernel", done, _KERNEL)},
        f"{path}/restart": {
            "post": _operation(
                "Restart a kernel",
                {"200": ("Restarted.", _content(ref("Kernel")))},
                {
                    **_KERNEL,
                    "503": "The server is being stopped, or the kernel could not be started.",
                },
            )
        },
        f"{path}/channels": {
            "get": _operation(
                "Connect a WebSocket with a kernel",
                {"101": ("Connected.", None)},
                {
                    **_KERNEL,
                    "400": "The WebSocket's handshake is malformed.",
                    "426": "The path is for WebSockets only.",
                },
            )
        },
    }


def _sessions() -> dict[str, Any]:
    created = {"201": ("Opened; Location has its path.", _content(ref("Session")))}
    errors = {**_OF_ADMISSION, **_UNKNOWN}
    return {
        "/api/sessions": {
            "get": _get("The sessions of the token; none without one", a_list_of(ref("Session"))),
            "post": _operation(
                "Open a session", created, errors, ref("NewSession"), requires_body=True
            ),
        },
        "/api/sessions/{session_id}": {
            "get": _get("A session", ref("Session"), _KERNEL),
            "patch": _operation(
                "Rename a session, or give it another kernel",
                {"200": ("Changed.", _content(ref("Session")))},
                errors,
                ref("SessionChange"),
                requires_body=True,
            ),
            "delete": _operation("End a session and its kernel", {"204": ("Done.", None)}, _KERNEL),
        },
    }


def _absent() -> dict[str, Any]:
    """What Jupyter Server has and this server has not."""
    refusals = {
        "contents": {
            "403": "The server keeps no files of its clients.",
            "404": "There is no such path, such as one with a line break.",
        },
        "terminals": {"404": "There are no terminals."},
    }
    return {
        f"/api/{name}{rest}": {
            method: _operation(f"There are no {name}", {}, errors)
            for method in ("get", "post", "put", "patch", "delete")
        }
        for name, errors in refusals.items()
        for rest in ("", "/{path}")
    }


def _execute() -> dict[str, Any]:
    content = {**_content(ref("Answer")), **_content(ref("Line"), NDJSON, EVENTS)}
    conflict = "The idempotency key stands for something else, or its program is still running."
    return _operation(
        "Run a program, and answer with all that came of it",
        {"200": ("It ran, whether it succeeded or not. In a stream, each line is one.", content)},
        {**_OF_ADMISSION, "409": conflict},
        ref("Submission"),
        requires_body=True,
    )

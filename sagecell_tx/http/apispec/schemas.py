"""The shapes of what is sent below ``/api``, as JSON Schema.

An object of a schema may have more fields than those listed, unless it is one that clients send to
``/api/execute``. Source: https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

from typing import Any

from sagecell_tx.http.execute.languages import LANGUAGES
from sagecell_tx.http.jupyter.bodies import LONGEST
from sagecell_tx.limits import RequestLimits

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """The schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def a_list_of(items: Schema) -> Schema:
    """An array."""
    return {"type": "array", "items": items}


def an_object(fields: Schema, optional: tuple[str, ...] = ()) -> Schema:
    """An object that has these fields, except those that are optional."""
    required = [name for name in fields if name not in optional]
    return {"type": "object", "properties": fields, "required": required}


def or_null(schema: Schema) -> Schema:
    """What a schema allows, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number", "minimum": 0}
ANY_OBJECT: Schema = {"type": "object"}

_TIME: Schema = {"type": "string", "format": "date-time"}
_ID: Schema = {"type": "string", "format": "uuid"}

#: What a client may leave out, or send as null.
_NAME: Schema = {"type": ["string", "null"], "maxLength": LONGEST}

_BUNDLE = {
    "data": {"type": "object", "description": "What is shown, by its media type."},
    "metadata": ANY_OBJECT,
}


def schemas(limits: RequestLimits) -> Schema:
    """All named schemas, with the server's limits."""
    return {**_jupyters(), **_answers(), **_submissions(limits)}


def _jupyters() -> Schema:
    """The models of Jupyter Server."""
    return {
        "Error": an_object(
            {
                "message": {"type": "string", "description": "A sentence for people."},
                "reason": {"type": "string", "description": "The phrase of the status."},
                "error": {"type": "string", "description": "A word for programs."},
            }
        ),
        "Version": an_object({"version": STRING, "sagecell_tx": STRING}),
        "Identity": an_object(
            {
                "identity": an_object({"username": STRING, "name": STRING, "display_name": STRING}),
                "permissions": {"type": "object", "additionalProperties": a_list_of(STRING)},
            }
        ),
        "Status": an_object(
            {"started": _TIME, "last_activity": _TIME, "connections": COUNT, "kernels": COUNT}
        ),
        "Kernelspec": an_object({"name": STRING, "spec": ANY_OBJECT, "resources": ANY_OBJECT}),
        "Kernelspecs": an_object(
            {
                "default": STRING,
                "kernelspecs": {
                    "type": "object",
                    "additionalProperties": ref("Kernelspec"),
                },
            }
        ),
        "Kernel": an_object(
            {
                "id": _ID,
                "name": STRING,
                "last_activity": _TIME,
                "execution_state": STRING,
                "connections": COUNT,
            }
        ),
        "NewKernel": an_object({"name": _NAME}, optional=("name",)),
        "Session": an_object(
            {
                "id": STRING,
                "path": STRING,
                "name": STRING,
                "type": STRING,
                "kernel": ref("Kernel"),
                "notebook": an_object({"path": STRING, "name": STRING}),
            },
            optional=("notebook",),
        ),
        "NewSession": an_object(
            {**_session_fields(), "path": {**_NAME, "type": "string"}, "type": STRING},
            optional=("name", "kernel"),
        ),
        "SessionChange": an_object(_session_fields(), optional=("path", "name", "type", "kernel")),
    }


def _session_fields() -> Schema:
    """What a client says of a session."""
    kernel = an_object({"id": _NAME, "name": _NAME}, optional=("id", "name"))
    return {"path": _NAME, "name": _NAME, "type": _NAME, "kernel": or_null(kernel)}


def _submissions(limits: RequestLimits) -> Schema:
    """What a client sends to ``/api/execute``."""
    file = {
        **an_object(
            {
                "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "description": "A relative path, without empty parts, . and ..",
                },
                "text": STRING,
                "base64": {"type": "string", "contentEncoding": "base64"},
            },
            optional=("text", "base64"),
        ),
        "oneOf": [{"required": ["text"]}, {"required": ["base64"]}],
        "additionalProperties": False,
    }
    submission = an_object(
        {
            "code": {"type": "string", "maxLength": limits.code_characters},
            "language": {"enum": [*LANGUAGES, None]},
            "files": {
                "type": ["array", "null"],
                "items": ref("InputFile"),
                "maxItems": limits.execute_files,
                "description": f"Of {limits.execute_file_bytes} bytes together.",
            },
            "timeout": {
                "type": ["number", "null"],
                "exclusiveMinimum": 0,
                "description": f"Seconds. More than {limits.service_seconds:g} mean that many.",
            },
            "idempotency_key": {
                "type": ["string", "null"],
                "pattern": "^[!-~]{1,255}$",
                "description": "Only with a token.",
            },
            "accepted_tos": {"type": ["boolean", "null"]},
        },
        optional=("language", "files", "timeout", "idempotency_key", "accepted_tos"),
    )
    return {
        "InputFile": file,
        "Submission": {**submission, "additionalProperties": False},
    }


def _answers() -> Schema:
    """What comes of a program."""
    summary = {
        "kernel_id": _ID,
        "status": {"enum": ["ok", "error", "timeout", "dead"]},
        "execution_count": {"type": ["integer", "null"]},
        "value": or_null(an_object(_BUNDLE)),
        "error": or_null(
            an_object(
                {"name": STRING, "message": STRING, "traceback": STRING, "traceback_ansi": STRING}
            )
        ),
        "files": a_list_of(
            an_object({"name": STRING, "url": STRING, "media_type": STRING}),
        ),
        "truncated": BOOLEAN,
        "cause": or_null(an_object({"reason": STRING, "message": STRING})),
        "used": an_object({"seconds": NUMBER, "output_bytes": COUNT, "file_bytes": COUNT}),
        "timeout": NUMBER,
    }
    outputs = {
        "stream": {"name": {"enum": ["stdout", "stderr"]}, "text": STRING},
        "display_data": _BUNDLE,
        "execute_result": {**_BUNDLE, "execution_count": {"type": ["integer", "null"]}},
        "error": {"ename": STRING, "evalue": STRING, "traceback": a_list_of(STRING)},
    }
    lines = {
        "queued": an_object({"position": COUNT, "seconds": COUNT}, optional=("seconds",)),
        "started": an_object({"kernel_id": _ID}),
        "output": an_object(
            {"output": ref("Output"), "display_id": STRING}, optional=("display_id",)
        ),
        "update_display": an_object(
            {"output": ref("Output"), "display_id": STRING}, optional=("display_id",)
        ),
        "clear_output": an_object({"wait": BOOLEAN}),
        "end": an_object(summary),
        "refused": an_object(
            {"error": STRING, "message": STRING, "retry_after": COUNT}, optional=("retry_after",)
        ),
    }
    return {
        "Output": {"oneOf": [_of_kind("output_type", *each) for each in outputs.items()]},
        "Answer": an_object({**summary, "outputs": a_list_of(ref("Output"))}),
        "Line": {
            "oneOf": [
                {"allOf": [an_object({"type": {"const": kind}}), schema]}
                for kind, schema in lines.items()
            ]
        },
    }


def _of_kind(field: str, kind: str, fields: Schema) -> Schema:
    """An object whose field of that name says what else it has."""
    return an_object({field: {"const": kind}, **fields})

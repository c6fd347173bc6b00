"""Bodies are JSON objects of short strings, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from sagecell_tx.http.jupyter.bodies import LONGEST, Changes, string
from sagecell_tx.http.serving.errors import Problem


def test_what_a_client_wants() -> None:
    wanted = Changes.of(
        {"path": "a.ipynb", "name": "a", "type": "console", "kernel": {"id": "7", "name": "p"}}
    )
    assert wanted == Changes(
        path="a.ipynb", name="a", type="console", kernel_id="7", kernel_name="p"
    )


def test_whether_a_session_gets_a_new_kernel() -> None:
    for kernel, starts in (({}, False), ({"id": "7"}, False), ({"name": "p"}, True)):
        assert Changes.of({"kernel": kernel}).starts_kernel is starts
    assert not Changes.of({"kernel": {"id": "7", "name": "p"}}).starts_kernel


def test_what_is_null_is_not_said() -> None:
    nothing = {"path": None, "name": None, "type": None, "kernel": None, "notebook": None}
    assert Changes.of(nothing) == Changes.of({}) == Changes()
    assert Changes.of({"kernel": {"id": None, "name": None}}) == Changes()


def test_a_notebook_of_old_clients() -> None:
    for notebook in ({"path": "a.ipynb"}, {"name": "a.ipynb"}, {"path": "x", "name": "a.ipynb"}):
        wanted = Changes.of({"notebook": notebook, "type": "console"})
        assert (wanted.path, wanted.type) == ("a.ipynb", "notebook")


@pytest.mark.parametrize(
    "fields",
    [
        {"path": 1},
        {"path": ["a"]},
        {"name": {}},
        {"type": True},
        {"kernel": "python3"},
        {"kernel": []},
        {"kernel": {"id": 5}},
        {"kernel": {"name": ["python3"]}},
        {"notebook": "a.ipynb"},
        {"notebook": {"path": 3}},
        {"path": "x" * (LONGEST + 1)},
    ],
)
def test_a_field_of_another_type_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        Changes.of(fields)
    assert (refused.value.status, refused.value.code) == (400, "invalid_field")


def test_what_a_new_session_must_have() -> None:
    for name in ("path", "type"):
        with pytest.raises(Problem) as refused:
            Changes().required(name)
        assert refused.value.message == f"Missing field in JSON data: {name}"
    assert Changes(path="").required("path") == ""


def test_the_longest_string() -> None:
    assert string({"a": "x" * LONGEST}, "a") == "x" * LONGEST
    assert string({}, "a") is None

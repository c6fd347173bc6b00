"""A program for Sage on a server without Sage."""

from __future__ import annotations

import pytest

from sagecell_tx.kernelside.languages.sage import excuse
from tests.kernelside.driving import Server

SENTENCE = "Sage is not installed on this server: the program ran as Python."

SAGE = {"language": "sage"}
FAILED = {"status": "error", "ename": "NameError"}


@pytest.mark.parametrize(
    ("metadata", "reply"),
    [
        ({}, FAILED),
        ({"language": "python"}, FAILED),
        ({"language": ["sage"]}, FAILED),
        (SAGE, {"status": "ok"}),
        (SAGE, {"status": "error", "ename": "KeyboardInterrupt"}),
        (SAGE, {"status": "aborted"}),
    ],
)
def test_nothing_is_said(metadata, reply):
    assert excuse(metadata, reply) == ""


def test_a_sentence_is_said():
    """contract: 5.5"""
    assert excuse(SAGE, FAILED) == SENTENCE


@pytest.mark.integration
def test_in_a_kernel(tmp_path):
    """contract: 5.5"""
    server = Server(tmp_path)
    cell = server.start()

    def printed(code: str, metadata: dict[str, str]) -> str:
        message = cell.session.send(
            cell.shell, "execute_request", {"code": code}, metadata=metadata
        )
        assert message is not None
        return cell.result(message["header"]["msg_id"]).text("stderr")

    assert printed("factor(10)", SAGE) == f"{SENTENCE}\n"
    assert printed("print(1)", SAGE) == ""
    assert printed("factor(10)", {}) == ""
    cell.stop()
    assert server.close() == 0

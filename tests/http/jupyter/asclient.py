"""What the tests of Jupyter's interface need: a site that knows two tokens, and requests with them."""

from __future__ import annotations

import json
from typing import Any

from sagecell_tx.http.jupyter.kernelspecs import OfferedSpec, SpecFile
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.sessions.spec import KernelSpec
from tests.http.loopback import Answer
from tests.http.world import SiteTests, World

ALICE = "the-token-of-alice"
BOB = "the-token-of-bob-4711"
KEYS = {"alice": ALICE, "bob": BOB}

#: An installed kernelspec, with a logo whose name has to be quoted.
BASH = OfferedSpec(
    name="bash",
    display_name="Bash",
    language="bash",
    kind=KernelSpec(name="bash", display_name="Bash", language="bash"),
    interrupt_mode="signal",
    help_links=[("Manual", "https://www.gnu.org/software/bash/manual/")],
    files={"logo-64 x": SpecFile("logo-64 x.png", "image/png", b"\x89PNG")},
)

#: A kernel or a session that there is not.
NOBODY = "00000000-0000-0000-0000-00000000ffff"


class JupyterTests(SiteTests):
    """Tests of a site whose clients are Jupyter's."""

    def setUp(self) -> None:
        super().setUp()
        self.world = World(
            limits=self.limits,
            client=self.folder,
            clients=Clients(keys=KEYS),
            terms=self.terms,
            baseurl=self.baseurl,
            installed=[BASH],
        )

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> Answer:
        """One request below ``/api``, with a JSON body unless that is None."""
        headers = [("Authorization", f"token {token}")] if token else []
        sent = None if body is None else json.dumps(body).encode()
        return self.ask(method, f"{self.baseurl}/api{path}", headers, sent)

    def start(self, token: str = "", **body: Any) -> dict[str, Any]:
        """The model of a new kernel."""
        answer = self.call("POST", "/kernels", body or None, token)
        assert answer.status == 201, answer
        model: dict[str, Any] = answer.json
        return model

    def open(self, path: str, token: str = "", **body: Any) -> dict[str, Any]:
        """The model of a session at a path."""
        wanted = {"path": path, "name": "", "type": "notebook", **body}
        answer = self.call("POST", "/sessions", wanted, token)
        assert answer.status == 201, answer
        model: dict[str, Any] = answer.json
        return model

    def ids(self, path: str, token: str = "") -> list[str]:
        """The ids in a list."""
        answer = self.call("GET", path, token=token)
        assert answer.status == 200
        return [each["id"] for each in answer.json]


def refusal(answer: Answer) -> tuple[int, str]:
    """The status and the error code of a refusal, which has Jupyter's fields as well."""
    told = answer.json
    assert set(told) == {"message", "reason", "error"}
    assert told["message"]
    assert told["reason"]
    return answer.status, told["error"]

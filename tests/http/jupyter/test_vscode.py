"""What the Jupyter extension of VS Code requests from an existing server, in its order.

Source: jupyterPasswordConnect.ts, jupyterLabHelper.ts and jupyterKernelSessionFactory.ts of microsoft/vscode-jupyter.
"""

from __future__ import annotations

import json

from tests.http.loopback import Answer

from .asclient import ALICE, JupyterTests

AGENT = ("User-Agent", "node-fetch")
TIME = "1764460800000"  # milliseconds, against caches


class ExistingServerTests(JupyterTests):
    def request(self, method: str, path: str, token: str, body: object = None) -> Answer:
        headers = [AGENT, ("Connection", "keep-alive"), ("Accept", "*/*")]
        if token:
            headers.append(("Authorization", f"token {token}"))
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            headers.append(("Content-Type", "application/json"))
        return self.ask(method, path, headers, sent)

    def connect(self, token: str) -> None:
        """What it does with an address that was typed in: no hub, and no password."""
        assert self.request("GET", "/hub/api", "").status != 200
        assert self.request("GET", "/tree?", "").status == 200
        if not token:
            # It looks for a cookie of the page for passwords, and goes on without.
            answer = self.request("GET", "/login?", "")
            assert answer.status == 404
            answer = self.request("GET", "/tree", "")
            assert "set-cookie" not in answer.headers
        assert self.request("GET", f"/api/kernels?{TIME}", token).json == []
        specs = self.request("GET", f"/api/kernelspecs?{TIME}", token).json
        for spec in specs["kernelspecs"].values():
            # What @jupyterlab/services checks.
            assert isinstance(spec["name"], str)
            assert isinstance(spec["resources"], dict)
            assert isinstance(spec["spec"]["display_name"], str)
            assert isinstance(spec["spec"]["language"], str)
            assert isinstance(spec["spec"]["argv"], list)

    def test_with_a_token_and_without(self) -> None:
        for token in (ALICE, ""):
            self.connect(token)
            wanted = {
                "path": "notebook-jvsc-1f0b.ipynb",
                "name": "notebook-8f5e.ipynb",
                "type": "notebook",
                "kernel": {"name": "python3"},
            }
            answer = self.request("POST", f"/api/sessions?{TIME}", token, wanted)
            assert answer.status == 201
            session = answer.json
            listed = [session] if token else []
            assert self.request("GET", f"/api/sessions?{TIME}", token).json == listed
            kernels = self.request("GET", f"/api/kernels?{TIME}", token).json
            assert kernels == [each["kernel"] for each in listed]
            kernel = session["kernel"]["id"]
            for method, path, status in (
                ("GET", f"/api/kernels/{kernel}?{TIME}", 200),
                ("POST", f"/api/kernels/{kernel}/interrupt?{TIME}", 204),
                ("DELETE", f"/api/sessions/{session['id']}?{TIME}", 204),
                ("GET", f"/api/sessions/{session['id']}?{TIME}", 404),
            ):
                assert self.request(method, path, token).status == status, path
        assert self.world.host.alive == []

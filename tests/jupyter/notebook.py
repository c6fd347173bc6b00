"""Runs a notebook through nbclient on a server's kernels, and prints its outputs as JSON.

    notebook.py URL

Run by the Python of .venv-jupyter. The kernel is started by jupyter_server's gateway client, as papermill does with
``kernel_manager_class``.
"""

import json
import sys

import nbclient
import nbformat
from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.gateway.managers import GatewayKernelManager

CELLS = (
    "x = 6 * 7\nprint(x)",
    "from IPython.display import Markdown\nMarkdown(f'*{x}*')",
    "import sys\nprint('to stderr', file=sys.stderr)\nx / 0",
    "'goes on', x",
)


def main(url: str) -> None:
    """Run all cells, one of which fails."""
    GatewayClient.instance(url=url)
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, CELLS)])
    client = nbclient.NotebookClient(
        notebook, kernel_manager_class=GatewayKernelManager, allow_errors=True, timeout=60
    )
    client.execute()
    seen = []
    for cell in notebook.cells:
        for output in cell.outputs:
            told = output.get("text") or output.get("ename") or output["data"]
            seen.append([output.output_type, told])
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

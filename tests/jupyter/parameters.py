"""Runs a notebook through papermill on a server's kernels, with a parameter, and prints its outputs as JSON.

    parameters.py URL DIRECTORY

Run by the Python of .venv-jupyter. The kernel is started by jupyter_server's gateway client. The notebooks are written
to the directory.
"""

import json
import sys
from pathlib import Path

import nbformat
import papermill
from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.gateway.managers import GatewayKernelManager

CELLS = (
    "a = 1",
    "x = a * 7\nprint(x)",
    "from IPython.display import Markdown\nMarkdown(f'*{x}*')",
    "x / 0",
    "print('not run')",
)


def main(url: str, directory: str) -> None:
    """Run the cells up to one that fails."""
    GatewayClient.instance(url=url)
    notebook = nbformat.v4.new_notebook(
        cells=[*map(nbformat.v4.new_code_cell, CELLS)],
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": ""}},
    )
    notebook.cells[0].metadata["tags"] = ["parameters"]
    given, run = (Path(directory) / name for name in ("given.ipynb", "run.ipynb"))
    nbformat.write(notebook, given)
    failed = ""
    try:
        papermill.execute_notebook(
            given,
            run,
            parameters={"a": 6},
            kernel_manager_class=GatewayKernelManager,
            progress_bar=False,
        )
    except papermill.PapermillExecutionError as error:
        failed = error.ename
    seen = []
    for cell in nbformat.read(run, as_version=4).cells:
        # papermill adds the parameters, and says in Markdown which cell has failed.
        if cell.cell_type == "code":
            for output in cell.outputs:
                told = output.get("text") or output.get("ename") or output["data"]
                seen.append([output.output_type, told])
    sys.stdout.write(json.dumps({"failed": failed, "outputs": seen}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Talks with a kernel through jupyter_kernel_client, and prints what it saw as JSON.

    kerneltalk.py URL

Run by the Python of .venv-jupyter. The client uses Jupyter's default protocol.
"""

import json
import sys

from jupyter_kernel_client import JupyterKernelClient

BURST = """
from IPython.display import display
for i in range(5000):
    display({"text/plain": str(i)}, raw=True)
"""


def main(url: str) -> None:
    """Run programs, one with many displays and one with much output, and restart the kernel."""
    seen: dict[str, object] = {}
    with JupyterKernelClient(server_url=url, token="") as kernel:
        reply = kernel.execute("x = 6 * 7\nprint(x)")
        seen["hello"] = [reply["status"], reply["outputs"][0]["text"]]
        shown = [
            each["data"]["text/plain"] for each in kernel.execute(BURST, timeout=60)["outputs"]
        ]
        seen["displays"] = shown == [str(i) for i in range(5000)]
        outputs = kernel.execute("print('x' * 10_000_000, end='')", timeout=60)["outputs"]
        seen["text"] = sum(len(each["text"]) for each in outputs)
        kernel.restart()
        seen["restarted"] = kernel.execute("print('x' in globals())")["outputs"][0]["text"]
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

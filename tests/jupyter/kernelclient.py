"""Uses the REST interface of a server through jupyter_kernel_client, and prints what it saw as JSON.

    kernelclient.py URL TOKEN

Run by the Python of .venv-jupyter.
"""

import json
import sys

from jupyter_kernel_client.manager import KernelHttpManager


def main(url: str, token: str) -> None:
    """Start, list, interrupt and end a kernel."""
    manager = KernelHttpManager(server_url=url, token=token)
    model = manager.start_kernel(name="python3")
    alive = manager.is_alive()
    listed = [each["id"] == model["id"] for each in manager.list_kernels()]
    manager.interrupt_kernel()
    manager.shutdown_kernel(now=True)
    seen = {"name": model["name"], "alive": alive, "listed": listed, "left": manager.list_kernels()}
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

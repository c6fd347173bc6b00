"""Runs jupyter_kernel_test against a kernel of a server, and prints what came of it as JSON.

    kerneltests.py URL NAME

Run by the Python of .venv-jupyter. jupyter_kernel_test starts kernels by jupyter_client; here its client has
channels over the WebSocket of a kernel that the server has started.
"""

import json
import sys
import unittest
from collections import defaultdict, deque
from queue import Empty
from time import monotonic

import jupyter_kernel_test  # type: ignore[import-not-found]
import requests
import websocket
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.jsonutil import extract_dates, json_default

#: Seconds for which a message that is certain to come may be waited for.
PATIENCE = 60.0


class Socket:
    """The WebSocket of one kernel, whose messages wait by channel.

    `awaited` has the ids of requests whose idle status, the last message, has not come yet.
    """

    def __init__(self, url, kernel_id):
        address = f"{url.replace('http', 'ws', 1)}/api/kernels/{kernel_id}/channels"
        self.socket = websocket.create_connection(address, timeout=PATIENCE)
        self.waiting = defaultdict(deque)
        self.awaited = set()

    def send(self, channel, message):
        """Send a message, whose dates may be datetime objects."""
        if channel == "shell":
            self.awaited.add(message["header"]["msg_id"])
        self.socket.send(json.dumps({**message, "channel": channel}, default=json_default))

    def take(self, channel, timeout):
        """The next message of a channel; raises Empty if none comes in time.

        The tests wait for a tenth of a second, whether something is bound to come or not.
        """
        begun = monotonic()
        while not self.waiting[channel]:
            wait = PATIENCE if timeout is None or self.awaited else timeout
            self.socket.settimeout(max(begun + wait - monotonic(), 0.001))
            try:
                message = json.loads(self.socket.recv())
            except websocket.WebSocketTimeoutException as error:
                raise Empty from error
            for part in ("header", "parent_header"):
                message[part] = extract_dates(message[part])
            message["msg_id"] = message["header"]["msg_id"]
            message["msg_type"] = message["header"]["msg_type"]
            self.waiting[message["channel"]].append(message)
            if message["content"].get("execution_state") == "idle":
                self.awaited.discard(message["parent_header"].get("msg_id"))
        return self.waiting[channel].popleft()


class Channel:
    """One channel, as the tests use jupyter_client's."""

    def __init__(self, socket, name):
        self.socket, self.name = socket, name

    def send(self, message):
        """Send a message."""
        self.socket.send(self.name, message)

    def get_msg(self, timeout=None):
        """The next message; raises Empty."""
        return self.socket.take(self.name, timeout)

    def is_alive(self):
        """Whether it is open, which jupyter_client asks."""
        return True

    def stop(self):
        """Close the connection of all channels. Harmless if repeated."""
        self.socket.socket.close()


class Client(BlockingKernelClient):
    """jupyter_client's client, with these channels."""

    def join(self, socket):
        """Use the kernel of a WebSocket."""
        self._shell_channel = Channel(socket, "shell")
        self._iopub_channel = Channel(socket, "iopub")
        self._control_channel = Channel(socket, "control")
        self._stdin_channel = Channel(socket, "stdin")


class Manager:
    """In place of jupyter_client's manager: a kernel of the server."""

    def __init__(self, url, name):
        self.url = url
        answer = requests.post(f"{url}/api/kernels", json={"name": name}, timeout=PATIENCE)
        answer.raise_for_status()
        self.kernel_id = answer.json()["id"]

    def shutdown_kernel(self):
        """Stop the kernel."""
        requests.delete(f"{self.url}/api/kernels/{self.kernel_id}", timeout=PATIENCE)


class KernelOfServer(jupyter_kernel_test.KernelTests):  # type: ignore[misc]
    """The tests, whose samples are in subclasses."""

    url = ""

    @classmethod
    def setUpClass(cls):
        cls.km = Manager(cls.url, cls.kernel_name)
        cls.kc = Client()
        cls.kc.join(Socket(cls.url, cls.km.kernel_id))
        cls.kc.execute("")
        # What a kernel says of itself when it starts belongs to no request.
        while cls.kc.shell_channel.socket.awaited:
            cls.kc.iopub_channel.get_msg()
        cls.kc.shell_channel.socket.waiting.clear()

    @classmethod
    def tearDownClass(cls):
        cls.kc.shell_channel.stop()
        cls.km.shutdown_kernel()


class Python:
    """Samples that every Python kernel with IPython's syntax understands."""

    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('test', file=sys.stderr)"
    completion_samples = ({"text": "zi", "matches": {"zip"}},)
    complete_code_samples = ("1", "print('hello, world')", "def f(x):\n  return x*2\n\n\n")
    incomplete_code_samples = ("print('''hello", "def f(x):\n  x*2")
    code_generate_error = "raise"
    code_execute_result = (
        {"code": "1+2+3", "result": "6"},
        {"code": "[n*n for n in range(1, 4)]", "result": "[1, 4, 9]"},
    )
    code_display_data = (
        {
            "code": "from IPython.display import HTML, display; display(HTML('<b>test</b>'))",
            "mime": "text/html",
        },
    )
    code_inspect_sample = "open"
    code_clear_output = "from IPython.display import clear_output; clear_output()"


class Python3(Python, KernelOfServer):
    """The forked kernel, which keeps no history."""

    kernel_name = "python3"
    code_page_something = "zip?"
    invalid_code_samples = ("import = 7q",)


class Stock(Python3):
    """ipykernel as it is installed. In a new home, the present session has two numbers, 0 and 1."""

    kernel_name = "stock"
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "search")


class XPython(Python, KernelOfServer):
    """xeus-python."""

    kernel_name = "xpython"


class Bash(KernelOfServer):
    """bash_kernel, whose terminal has one stream for all."""

    kernel_name = "bash"
    language_name = "bash"
    file_extension = ".sh"
    code_hello_world = "echo hello, world"
    completion_samples = ({"text": "fdisk-no-such-thing", "matches": set()},)


#: The tests of each kernelspec.
TESTS = {each.kernel_name: each for each in (Python3, Stock, XPython, Bash)}


def _method(test):
    """The name of a test, also of a part of one."""
    return getattr(test, "test_case", test)._testMethodName


def main(url, name):
    """Run the tests of one kernelspec."""
    tests = TESTS[name]
    tests.url = url
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(tests).run(result)
    told = {
        "ran": result.testsRun,
        "failed": [[str(test), why] for test, why in (*result.failures, *result.errors)],
        "skipped": sorted({_method(test) for test, _ in result.skipped}),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

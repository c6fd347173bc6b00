"""Code for cells that search the program's own memory and /proc for other kernels' data.

The needles are sent with 1 added to each byte, and so is memory before it is compared. So the
test itself does not bring a needle into the program's memory.
"""

from __future__ import annotations

from collections.abc import Iterable

_SEARCH = """
import os

def search(shifted):
    table = bytes((byte + 1) % 256 for byte in range(256))
    overlap = max(map(len, shifted))

    def inside(read):
        before = b""
        while data := read(1 << 20):
            text = before + data.translate(table)
            found.update(number for number, needle in enumerate(shifted) if needle in text)
            before = text[-overlap:]

    def memory():
        with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as mem:
            for line in maps:
                start, end = (int(place, 16) for place in line.split()[0].split("-"))
                if line.split()[1][0] != "r" or "[v" in line:
                    continue
                def read(size):
                    nonlocal start
                    mem.seek(start)
                    data = mem.read(min(size, end - start)) if start < end else b""
                    start += len(data)
                    return data
                try:
                    inside(read)
                except OSError:
                    pass

    def files():
        names = ["/proc/self/net/unix", "/proc/self/task/%d/cgroup" % os.getpid()]
        names += ["/proc/self/" + name for name in os.listdir("/proc/self")]
        for name in names:
            if name.rpartition("/")[2] in ("mem", "pagemap", "clear_refs"):
                continue
            try:
                if os.path.isfile(name):
                    with open(name, "rb", 0) as file:
                        inside(file.read)
            except OSError:
                pass
        links = "".join(filter(None, map(link, os.listdir("/proc/self/fd"))))
        pieces = [links.encode(), repr(dict(os.environ)).encode()]
        inside(lambda size: pieces.pop() if pieces else b"")

    def link(name):
        try:
            return os.readlink("/proc/self/fd/" + name)
        except OSError:
            return None

    where = {}
    for name, look in (("memory", memory), ("proc", files)):
        found = set()
        look()
        where[name] = sorted(found)
    return where
"""


def program(needles: Iterable[str]) -> str:
    """A cell whose value says which of the needles, by number, are in memory and in /proc."""
    return f"{_SEARCH}\nsearch({_shifted(needles)!r})"


def printing(needles: Iterable[str]) -> str:
    """The same code, as a cell that prints the result."""
    return f"{_SEARCH}\nprint(search({_shifted(needles)!r}))"


def _shifted(needles: Iterable[str]) -> list[bytes]:
    return [bytes((byte + 1) % 256 for byte in needle.encode("ascii")) for needle in needles]

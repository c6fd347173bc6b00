"""Kernels with Sage at each level: the programs that Sage talks to, and its memory."""

from __future__ import annotations

import re
from pathlib import Path

import psutil
import pytest

from tests.kernelside.confined import ALL_SAGES, at_each
from tests.kernelside.driving import gone
from tests.processtree import name_of

pytestmark = [pytest.mark.sage, at_each(ALL_SAGES)]

SIX_TIMES_SEVEN = {"gap": "6*7;", "gp": "6*7", "maxima": "6*7;", "singular": "6*7;"}

MIB = 1 << 20

#: Takes more memory than any kernel may have, in each library that allocates its own.
TOO_MUCH = {
    "python": "bytearray(2^36)",
    "numpy": "import numpy; numpy.ones(2^33)",
    "gmp": "ZZ(2)^(2^37)",
    "flint": "matrix(ZZ, 10^5, 10^5)",
    "pari": "pari('vector(2^33)')",
    "libgap": "libgap.eval('List([1..2^33], x -> x)')",
    "maxima": "maxima_calculus.eval('make_array(fixnum, 2^33)')",
}


@pytest.fixture
def terminals(kind) -> None:
    """For tests of programs in terminals; docs/security.rst says that `account` has none."""
    if kind.level == "account":
        pytest.skip("at this level there are no terminals")


@pytest.mark.parametrize(("language", "text"), SIX_TIMES_SEVEN.items(), ids=SIX_TIMES_SEVEN)
def test_each_language_runs_or_says_why_not(cell, kind, language, text):
    result = cell.run(f"print({language}.eval({text!r}))")
    if kind.level == "account":
        (error,) = result.of("error")
        assert error["evalue"].endswith(" could not be started: out of pty devices.")
    else:
        assert result.text() == "42\n"
        assert cell.value(f"{language}(6)*7") == "42"


def test_a_language_writes_to_the_visitors_directory_and_nowhere_else(cell, kind, terminals):
    cell.run("""print(gp.eval('write("mine", 1)'))""")
    assert cell.value("open('mine').read()") == "'1\\n'"
    if kind.level != "none":
        text = cell.run("""print(gp.eval('write("/usr/mine", 1)'))""").text()
        assert "error opening output file" in text


def test_temporary_files_are_where_programs_expect_them(cell, kind):
    if kind.level != "namespaces":
        pytest.skip("at this level, /tmp is the host's")
    assert cell.value("open('/tmp/mine', 'w').write('x')") == "1"
    result = cell.run("import os; open(os.environ['DOT_SAGE'] + '/mine', 'w')")
    assert result.reply["evalue"].startswith("[Errno 30]")  # a read-only file system
    assert cell.value("libgap.eval('1+1'), gap.eval('1+1')") == "(2, '2')"


def test_languages_end_with_their_kernel(server, terminals):
    cell = server.start()
    processes = [f"{name}.pid()" for name in SIX_TIMES_SEVEN]
    assert cell.run(f"print([{', '.join(processes)}])").reply["status"] == "ok"
    children = psutil.Process(cell.pid).children(recursive=True)
    assert {"gap", "gp", "Singular"} <= {name_of(each) for each in children}
    cell.stop()
    assert all(gone(each.pid) for each in children)


def test_memory_is_limited_beyond_what_the_kernel_was_born_with(server):
    """Libraries have reserved gigabytes before the fork."""
    cell = server.start(memory_bytes=500 * MIB)
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    born = int(status.partition("VmData:")[2].split()[0]) * 1024
    limit = int(cell.value("__import__('resource').getrlimit(2)[0]"))  # RLIMIT_DATA
    assert born > 4096 * MIB
    assert born + 500 * MIB <= limit < born + 510 * MIB
    assert cell.run(f"hoard = bytearray({300 * MIB}); del hoard").reply["status"] == "ok"
    assert cell.run(f"hoard = bytearray({500 * MIB})").reply["ename"] == "MemoryError"
    cell.stop()


@pytest.mark.parametrize("code", TOO_MUCH.values(), ids=TOO_MUCH)
def test_an_allocation_that_fails_is_an_error_that_says_so(server, code):
    cell = server.start(memory_bytes=500 * MIB)
    result = cell.run(code, metadata={"language": "sage"})
    (error,) = result.of("error")
    told = f"{error['ename']}: {error['evalue']} {result.text('stderr')}"
    assert re.search(r"memory|allocate|PARI stack", told, re.IGNORECASE), result
    assert cell.value("6 * 7") == "42"
    cell.stop()


def test_what_libgap_has_reserved_counts_when_it_is_used(server):
    cell = server.start(memory_bytes=500 * MIB)
    cell.execute("""
hoard = libgap.eval("ListWithIdenticalEntries(10^8, 1)")
__import__("signal").pause()
""")
    assert cell.exited()["reason"] == "memory"

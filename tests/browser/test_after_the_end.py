"""What goes on after a program's end, and what linked cells lose with their kernel."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

#: Starts one of each kind; all print when the program of another cell makes the file. Each prints its
#: line at once: a line end that is written by itself may come after another's text.
LATE = """
import asyncio, os, subprocess, threading, time
def wait():
    while not os.path.exists('/proc/self/cwd/go'):
        time.sleep(0.01)
def thread():
    wait()
    print('thread\\n', end='')
async def task():
    await asyncio.to_thread(wait)
    print('task\\n', end='')
threading.Thread(target=thread).start()
background = asyncio.create_task(task())
handle = display('old', display_id=True)
x = 20
"""

OWN = """
import subprocess, threading
threading.Timer(0.2, print, ['thread\\n'], {'end': ''}).start()
subprocess.Popen('sleep 0.2; echo process', shell=True)
print('ended', flush=True)
"""


def cells(author, **programs: str) -> None:
    """Open a page with these cells: they are linked, except one that is called `own`."""
    body = "".join(
        f"<div class='{'own' if name == 'own' else 'linked'}' id='{name}'>"
        f"<script type='text/x-sage'>{program}</script></div>"
        for name, program in programs.items()
    )
    calls = (
        "<script>sagecell.makeSagecell({inputLocation: '.linked', linked: true});"
        "sagecell.makeSagecell({inputLocation: '.own'})</script>"
    )
    author.open(
        "<meta name='viewport' content='width=device-width'>"
        f"<meta name='color-scheme' content='light dark'>{author.script}{calls}",
        body,
        cells=len(programs),
    )


def test_late_output_is_shown_in_the_cell_that_caused_it(author):
    cells(
        author,
        one=LATE,
        two="open('go', 'w').close()\nawait background\nhandle.update('new')\nprint('two')",
        own=OWN,
    )
    reader = author.reader
    assert author.evaluate("#one") == ""
    assert reader.text("#one .sagecell_sessionOutput") == "'old'"
    assert author.evaluate("#two") == "two"
    reader.until(lambda: {"thread", "task"} <= set(reader.text("#one").split()))
    assert "'new'" in reader.text("#one .sagecell_sessionOutput")
    assert reader.text("#two .sagecell_sessionOutput") == "two"
    printed = author.evaluate("#own").split()
    assert printed[0] == "ended"
    assert sorted(printed) == ["ended", "process", "thread"]
    assert author.state("#own") == "done"


def test_linked_cells_tell_of_the_end_of_their_kernel_and_run_again(author):
    cells(author, one="x = 20", two="import os; os._exit(1)", three="x += 1\nprint(x * 2)")
    reader = author.reader
    author.evaluate("#one")
    assert author.evaluate("#three") == "42"
    author.evaluate("#two")
    assert author.state("#two") == "ended"
    for cell in ("#one", "#three"):
        reader.until(
            lambda at=cell: "The variables are gone" in reader.text(f"{at} .sagecell_warning")
        )
    assert reader.text("#two .sagecell_warning") == ""
    author.evaluate("#three")
    assert "NameError" in reader.text("#three .sagecell_output")
    assert "the variables of the cells above are gone" in reader.text("#three .sagecell_lost")
    reader.keep_picture("lost-variables", width=900)
    reader.keep_picture("lost-variables-phone", width=390, mobile=True)
    with reader.by_night():
        reader.keep_picture("lost-variables-dark", width=900)
    reader.one("#three .sagecell_again").click()
    reader.until(lambda: reader.text("#three .sagecell_stdout") == "42")
    author.until_over("#three")
    assert [author.state(cell) for cell in ("#one", "#three")] == ["done", "done"]
    assert reader.text("#three .sagecell_lost") == ""

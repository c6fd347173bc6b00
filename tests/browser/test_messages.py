"""Each kind of message from kernels to pages, sent by a real one to an author's page."""

from __future__ import annotations

import pytest

from tests.browser.author import Author

pytestmark = pytest.mark.browser

#: Makes the files in the messages: pictures of 30 by 20 pixels, a scene, a page, a file.
FILES = """\
import base64, os, sys, zlib, struct
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
png = (b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 30, 20, 8, 0, 0, 0, 0))
       + chunk(b"IDAT", zlib.compress(bytes(31 * 20))) + chunk(b"IEND", b""))
os.mkdir("scene.jmol")
for name in ("drawn.png", "scene.jmol/preview.png", "a b.png"):
    open(name, "wb").write(png)
open("scene.jmol/scene.zip", "wb").write(b"PK")
open("tmp_1.html", "w").write("<p>a scene</p>")
open("data.bin", "wb").write(bytes(3))
open("old.canvas3d", "w").write("[]")
sys._sage_.new_files()
show = sys._sage_.display_message
"""

SHOW = """\
show({"text/html": "<p id='html'>HTML</p><img id='drawn' src='CELL://drawn.png'>",
      "text/plain": "not this"})
show({"application/javascript": "document.body.dataset.ran = 'yes'", "text/plain": "nor this"})
show({"text/image-filename": "a b.png?m=17", "text/plain": "nor this"})
show({"image/png": base64.b64encode(png).decode(), "text/html": "later keys do not matter"})
show({"application/x-jmol": "scene.jmol"})
show({"application/x-canvas3d": "old.canvas3d"})
show({"application/x-file": "data.bin", "text/plain": "a file"})
show({"text/html": "<iframe src='cell://tmp_1.html'></iframe>"})
show({"application/unheard-of": "x", "text/plain": "the plain form"})
"""

STREAMS = """\
import sys
print("one"); print("two", flush=True)
print("three", file=sys.stderr)
sys._sage_.display_message({"text/plain": "nobody's"}, {"interact_id": "unknown"})
open("made.txt", "w").write("1")
len?
1/0
"""

UPDATES = """\
@interact
def count(again=Checkbox(False)):
    open("made.txt", "w").write(str(again))
    print("counted", again)
"""


def evaluate(author: Author, program: str) -> None:
    """Open a page with a cell that runs by itself, and wait for its end."""
    author.open(
        author.script
        + "<script>sagecell.makeSagecell({inputLocation: '#a', autoeval: true})</script>",
        f"<div id='a'><script type='text/x-sage'>{program}</script></div>",
    )
    author.until_over("#a")


def test_displays(author):
    """contract: 4.8, 4.9, 4.10, 4.11, 4.12, 4.13, 4.14, 4.15"""
    evaluate(author, FILES + SHOW)
    reader = author.reader
    assert reader.until_pictures_are_there(4) == [30] * 4
    assert reader.text("#html") == "HTML"
    files = reader.one("#drawn").get_attribute("src").removesuffix("drawn.png")
    assert files.startswith(f"{author.cells}/kernel/")
    assert reader.until(lambda: reader.javascript("return document.body.dataset.ran")) == "yes"
    sources = [one.get_attribute("src") for one in reader.all(".sagecell_image")]
    assert sources[0] == f"{files}a%20b.png?m=17"
    assert sources[1].startswith("data:image/png;base64,iVBORw0KGgo")
    assert sources[2].startswith(f"{files}scene.jmol/preview.png?")
    links = {one.text: one.get_attribute("href") for one in reader.all(".sagecell_file a")}
    assert links.keys() == {"old.canvas3d", "data.bin"}
    assert links["data.bin"].startswith(f"{files}data.bin?")

    def in_the_frame() -> str:
        reader.browser.switch_to.default_content()
        reader.browser.switch_to.frame(reader.one("iframe"))  # it is replaced while it loads
        return str(reader.text("p"))

    assert reader.until(in_the_frame) == "a scene"
    reader.browser.switch_to.default_content()
    assert reader.text(".sagecell_value") == "the plain form"
    listed = [one.text for one in reader.all(".sagecell_sessionFiles a")]
    assert sorted(listed) == ["a b.png", "data.bin", "drawn.png", "old.canvas3d", "tmp_1.html"]


def test_streams_errors_pages_and_files(author):
    """contract: 4.16, 4.17, 4.18, 4.19"""
    evaluate(author, STREAMS)
    reader = author.reader
    (printed,) = reader.all("pre.sagecell_stdout")
    assert printed.text == "one\ntwo"
    assert reader.all("pre.sagecell_stderr")[0].text == "three"
    assert "ZeroDivisionError: division by zero" in reader.text("pre.sagecell_pyerr")
    assert reader.all("pre.sagecell_pyerr [class*=ansi-]")
    assert "Return the number of items" in reader.text("pre.sagecell_payload")
    (link,) = reader.all(".sagecell_sessionFiles a")
    assert link.text == "made.txt"
    path, _, number = link.get_attribute("href").partition("?q=")
    assert path.endswith("/files/made.txt")
    assert int(number) >= 1
    assert "nobody" not in reader.text("#a .sagecell_output")


def test_an_updates_files_are_asked_for_and_counted(author):
    """contract: 4.19, 4.20"""
    evaluate(author, UPDATES)
    reader = author.reader
    reader.until(lambda: "counted False" in reader.text(".sagecell_interactOutput"))
    reader.until(lambda: reader.text(".sagecell_sessionFiles li") == "made.txt")
    reader.one(".sagecell_interactControl input").click()
    reader.until(lambda: "counted True" in reader.text(".sagecell_interactOutput"))
    reader.until(lambda: reader.text(".sagecell_sessionFiles li") == "made.txt [Updated 1 time(s)]")


def test_a_thread_that_speaks_late_is_not_heard_in_the_next_run(author):
    """Old output is never shown together with new output."""
    author.open(
        author.script
        + "<script>sagecell.makeSagecell({inputLocation: '#a', linked: true})</script>",
        "<div id='a'><script type='text/x-sage'>"
        "import threading\n"
        "before = globals().get('told')\n"
        "told = threading.Event()\n"
        "def speak(told=told):\n    told.wait(); print('late')\n"
        "thread = threading.Thread(target=speak); thread.start()\n"
        "if before: before.set(); old.join(); print('mine')\n"
        "old = thread</script></div>",
    )
    assert author.evaluate("#a") == ""
    assert author.evaluate("#a") == "mine"

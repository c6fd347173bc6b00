"""Articles with many cells, and what the browser records while they load."""

from __future__ import annotations

from tests.browser.author import Author
from tests.browser.reader import Reader
from tests.browser.themes import THEMES

SIX_LINES = "total = 0\nfor n in range(10):\n    total += n\n\n# {}\nprint({}, total)"

#: The program of every tenth cell, from the first one on.
INTERACT = """@interact
def show(x=slider(0, 10, 1, 2), name=selector(["sine", "cosine"])):
    print('{}: x is', x)"""

#: Records from the beginning of the page on. Nobody touches the page, so no shift is due to an input, also
#: if the browser takes the change of the window's size for one.
_RECORD = """<script>
var recorded = { shifts: [], tasks: [], loaded: Infinity };
var record = (type, note) =>
  new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
record("layout-shift", (entry) => recorded.shifts.push(entry.value));
record("longtask", (entry) => recorded.tasks.push([entry.startTime, entry.duration]));
addEventListener("load", () => (recorded.loaded = performance.now()));
</script>"""

#: A phone's page, in dark colours if the theme has a switch.
_HEAD = """<meta name="viewport" content="width=device-width">
<script>document.documentElement.dataset.theme = "dark"</script>"""

_CALL = "<script>sagecell.makeSagecell({inputLocation: '.many', autoeval: true})</script>"

_SAID = """
return [...document.querySelectorAll('.many')].map((cell) =>
  [...cell.querySelectorAll('.sagecell_stdout')].map((one) => one.textContent).join('').trim());
"""


def article(count: int, program: str = SIX_LINES, tenth: str | None = None) -> str:
    """Paragraphs with so many cells of the class ``many`` between them; `tenth` is every tenth program."""
    programs = [program if n % 10 or tenth is None else tenth for n in range(count)]
    return "".join(
        f"<p>{n}. {'Words that go before a program, and say what it does. ' * 3}</p>"
        f"<div class='many' id='c{n}'><script type='text/x-sage'>"
        f"{own.replace('{}', str(n))}</script></div>"
        for n, own in enumerate(programs)
    )


def open_sixty(author: Author, theme: str) -> None:
    """Open an article of sixty cells that evaluate themselves."""
    head = _RECORD + _HEAD + THEMES[theme](author) + author.script + _CALL
    author.reader.browser.get(author.book.page(head, article(60, tenth=INTERACT)))


def until_answered(reader: Reader, count: int) -> None:
    """Wait until the first `count` of the sixty cells have printed what they should."""
    answers = [f"{n} 45" if n % 10 else f"{n}: x is 2" for n in range(count)]
    reader.until(lambda: reader.javascript(_SAID)[:count] == answers, seconds=180)


def shifts(reader: Reader) -> list[float]:
    """The scores of all layout shifts."""
    return list(reader.javascript("return recorded.shifts"))


def long_tasks(reader: Reader) -> list[float]:
    """The durations in ms of tasks of more than 50 ms that began after the page's load."""
    script = (
        "return recorded.tasks.filter(([start]) => start > recorded.loaded).map((task) => task[1])"
    )
    return list(reader.javascript(script))

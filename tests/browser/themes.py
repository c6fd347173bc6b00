"""Themes: what pages' heads have that styles plain elements."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.author import Author

WORDPRESS = """<style>
body {background: #fff; color: #28303d; line-height: 1.7; letter-spacing: normal}
.post pre {background: #222; color: #ddd; padding: 1.5em; font-size: 13px; white-space: pre}
pre {background: #222; color: #ddd; border: 1px solid #28303d; padding: 1.5em; margin: 30px 0;
     max-width: 100%; overflow: auto; font-size: 13px; line-height: 1.7}
code {background: #eee; padding: 3px 6px}
button, input[type=submit] {background: #28303d; color: #d1e4dd; border: 3px solid transparent;
     border-radius: 0; text-transform: uppercase; letter-spacing: 2px; font-weight: 700;
     padding: 15px 30px; width: 100%; box-shadow: 0 2px 4px #000; transition: all 0.2s}
button:hover, button:focus, button:active {background: transparent; color: #28303d; outline: 0}
select, textarea, input[type=text] {border: 3px solid #39414d; border-radius: 0; padding: 10px;
     background: #ffe; color: #28303d; line-height: 1.7; width: 100%; max-width: 100%}
table {width: 100%; min-width: 240px; border-collapse: collapse; margin: 30px 0}
th, td {padding: 0; border: 1px solid #999; text-transform: uppercase}
tr {background: #fafafa}
label {display: block; font-weight: 700; text-transform: uppercase}
section {padding: 4em 0; background: #eee}
h2 {font-size: 40px; text-transform: uppercase; letter-spacing: 2px}
ul {list-style: square; margin: 30px; padding-left: 40px}
a:focus {outline: 0}
</style>"""

#: A page with a switch, which declares no `color-scheme`.
SWITCHED = """<style>
body {background: #fff; color: #222}
[data-theme=dark] body {background: #111; color: #ddd}
[data-theme=dark] pre {background: #000}
button {background: var(--button, #eee); color: var(--label, #222)}
[data-theme=dark] {--button: #333; --label: #fff}
</style>"""

#: Rules for the buttons of an article outweigh a cell's.
HEAVY = (
    WORDPRESS
    + """<style>
.post button {background: #28303d; color: #d1e4dd; border: 3px solid transparent; border-radius: 0;
     text-transform: uppercase; letter-spacing: 2px; font-weight: 700; padding: 15px 30px; width: 100%;
     min-height: 60px}
.post button:not(:hover):not(:active) {background: #28303d}
.post button:hover, .post button:focus {background: #d1e4dd; color: #28303d; outline: 0}
.post select {background: #222; color: #ddd; padding: 20px}
</style>"""
)

#: The same in the dark alone, which an attribute chooses.
HEAVY_IN_THE_DARK = (
    SWITCHED
    + """<style>
[data-theme=dark] button {background: #404; color: #eee; text-transform: uppercase; padding: 20px}
[data-theme=dark] button:hover {background: #808}
</style>"""
)

#: Of Tailwind before 3.4.2, for buttons of any class.
ELDER_PREFLIGHT = """<style>
button, [type='button'] {-webkit-appearance: button; background-color: transparent;
     background-image: none}
</style>"""


def sheet(author: Author, name: str) -> str:
    """A style sheet of an npm package."""
    return f'<link rel="stylesheet" href="{author.book.url}/npm/{name}">'


#: The heads of pages, by the name of the theme.
THEMES: dict[str, Callable[[Author], str]] = {
    "bootstrap": lambda author: sheet(author, "bootstrap/dist/css/bootstrap.css"),
    "tailwind": lambda author: sheet(author, "tailwindcss/preflight.css") + ELDER_PREFLIGHT,
    "wordpress": lambda author: WORDPRESS,
    "switched": lambda author: SWITCHED,
}

#: With those in which rules for buttons outweigh a cell's.
ALL = {
    **THEMES,
    "heavy": lambda author: HEAVY,
    "heavy-in-the-dark": lambda author: HEAVY_IN_THE_DARK,
}

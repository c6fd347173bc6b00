"""The documents match the code: form, links, routes, settings and error words."""

from __future__ import annotations

import ast
import itertools
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import attrs
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from klein import Klein
from werkzeug.exceptions import HTTPException

import sagecell_tx.http
from sagecell_tx.cli import parser
from sagecell_tx.config import Config
from sagecell_tx.http.admin.health import Health
from sagecell_tx.http.admin.metrics import Metrics
from sagecell_tx.http.admin.page import AdminPage
from sagecell_tx.http.admin.status import Status
from sagecell_tx.http.apispec.route import ApiSpec
from sagecell_tx.http.cells.completions import Completions
from sagecell_tx.http.cells.kernels import Kernels
from sagecell_tx.http.cells.service import ServiceRoute
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.execute.route import Execute
from sagecell_tx.http.jupyter.api import JupyterApi
from sagecell_tx.http.jupyter.pages import KernelspecFiles, Tree
from sagecell_tx.http.nodes.control import ControlRoutes
from sagecell_tx.http.pages.outputframe import OutputFrame
from sagecell_tx.http.pages.pages import Pages
from sagecell_tx.http.pages.permalinks import Permalinks
from sagecell_tx.http.pages.static import Static
from sagecell_tx.http.sockjs.routes import SockJS
from sagecell_tx.kernelside.languages import NAMES
from sagecell_tx.kernelside.languages.kept import KeptLanguage
from sagecell_tx.kernelside.languages.programs import Language
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.admission.refusals import TOO_MANY_KERNELS, TOO_MANY_STARTS
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.tap import Options

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.rst", ROOT / "CONTRIBUTING.rst", ROOT / "NEWS.rst"]
# Those in docs/api are built from docstrings by Sphinx: `make docs` is their test.
DOCUMENTS += sorted(path for path in (ROOT / "docs").rglob("*.rst") if path.parent.name != "api")

#: docutils' level of a warning: messages of this level or higher fail.
WARNING = 2

#: The mount point of each of the site's Klein applications.
MOUNTS = {
    Pages: "",
    OutputFrame: "",
    Static: "/static",
    Completions: "/complete",
    Kernels: "/kernel",
    Permalinks: "/permalink",
    SockJS: "/sockjs",
    ServiceRoute: "/service",
    Status: "/status.json",
    Health: "",
    Metrics: "/metrics",
    AdminPage: "/admin",
    JupyterApi: "/api",
    Execute: "/api/execute",
    ApiSpec: "/api/spec.json",
    KernelspecFiles: "/kernelspecs",
    Tree: "/tree",
    Terms: "/tos.html",
}

#: Those on UNIX sockets, which no client reaches.
PRIVATE = (ControlRoutes,)

each_document = pytest.mark.parametrize(
    "path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


@cache
def doctree(path: Path) -> nodes.document:
    """The document at `path`; fails for the slightest warning."""
    return publish_doctree(
        path.read_text(encoding="utf-8"),
        source_path=str(path),
        settings_overrides={
            "halt_level": WARNING,
            "report_level": WARNING,
            "warning_stream": False,
            "file_insertion_enabled": False,
        },
    )


def literals(path: Path) -> list[str]:
    """The words in double backquotes."""
    return [literal.astext() for literal in doctree(path).findall(nodes.literal)]


def blocks(path: Path) -> Iterator[str]:
    """The lines of all literal blocks."""
    for block in doctree(path).findall(nodes.literal_block):
        yield from block.astext().splitlines()


# --- form and links


@each_document
def test_it_renders_without_a_warning(path):
    assert doctree(path).children


@each_document
def test_what_it_links_to_exists(path):
    tree = doctree(path)
    targets = [reference.get("refuri", "") for reference in tree.findall(nodes.reference)]
    targets += [image["uri"] for image in tree.findall(nodes.image)]
    local = [target for target in targets if target and "://" not in target]
    assert [target for target in local if not (path.parent / target).exists()] == []


@each_document
def test_its_pictures_are_our_own_and_told_in_words(path):
    for image in doctree(path).findall(nodes.image):
        assert ROOT / "docs" in (path.parent / image["uri"]).resolve().parents
        assert len(image["alt"]) > 20


@each_document
def test_every_file_it_names_exists(path):
    rooms = "sagecell_tx|docs|deploy|tests|web|newsfragments|benchmarks|twisted"
    named = [word for word in literals(path) if re.fullmatch(rf"({rooms})/[\w./-]*", word)]
    inner = "sessions|hosts|http|store|wire|kernelside|process"
    named += [
        f"sagecell_tx/{word}"
        for word in literals(path)
        if re.fullmatch(rf"({inner})/[\w/]+\.py", word)
    ]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_index_lists_every_document():
    docs = ROOT / "docs"
    listed = {
        (docs / reference["refuri"]).resolve()
        for reference in doctree(docs / "index.rst").findall(nodes.reference)
    }
    others = set(docs.rglob("*.rst")) - {docs / "index.rst"}
    assert others <= listed


@each_document
def test_every_make_target_it_names_exists(path):
    rules = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    lines = itertools.chain(literals(path), blocks(path))
    commands = [line.partition("#")[0].split()[1:] for line in lines if line.startswith("make ")]
    assert set(itertools.chain(*commands)) <= set(rules)


# --- routes


@cache
def klein_apps() -> dict[type, Klein]:
    """All classes below `sagecell_tx.http` that have routes."""
    found = {}
    for module in walk_packages(sagecell_tx.http.__path__, "sagecell_tx.http."):
        for value in vars(import_module(module.name)).values():
            if (
                isinstance(value, type)
                and isinstance(vars(value).get("app"), Klein)
                and value not in PRIVATE
            ):
                found[value] = vars(value)["app"]
    return found


def routes() -> set[tuple[str, str]]:
    """Method and path of every route; HEAD is left out, as every GET has it."""
    found = set()
    for owner, app in klein_apps().items():
        for rule in app.url_map.iter_rules():
            path = re.sub(r"<path:", "<", rule.rule)
            path = MOUNTS[owner] + ("" if path == "/" and MOUNTS[owner] else path)
            found |= {(method, path) for method in (rule.methods or ()) if method != "HEAD"}
    return found


def generic(path: str) -> str:
    """A path in the form of the routes: without a query, and without names of parameters."""
    path = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", path.partition("?")[0])
    return re.sub(r"<\w+>", "<>", path)


def answered(method: str, path: str) -> bool:
    """Whether the site has a route for this."""
    for owner, app in klein_apps().items():
        mount = MOUNTS[owner]
        if path == mount or path.startswith(f"{mount}/"):
            inner = path.removeprefix(mount) or "/"
            try:
                app.url_map.bind("example.org").match(inner, method)
            except HTTPException:
                continue
            return True
    return False


_REQUEST = re.compile(r"(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) (/\S*)")


def requests_in(path: Path) -> set[tuple[str, str]]:
    """Method and path of every request in a document's literals."""
    told = [line.strip().removeprefix("-> ") for line in [*blocks(path), *literals(path)]]
    found = filter(None, map(_REQUEST.fullmatch, told))
    return {(match[1], generic(match[2])) for match in found}


def test_all_applications_are_mounted():
    assert klein_apps().keys() == MOUNTS.keys()


def test_the_protocol_has_every_route():
    told = requests_in(ROOT / "docs" / "protocol.rst")
    assert {(method, generic(path)) for method, path in routes()} <= told


@pytest.mark.parametrize(
    "path",
    # The benchmarks mention other programs' routes too.
    [path for path in DOCUMENTS if path.name != "benchmarks.rst"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_request_it_shows_is_answered(path):
    assert [told for told in requests_in(path) if not answered(*told)] == []


def test_the_readme_names_the_main_routes():
    told = requests_in(ROOT / "README.rst")
    assert told >= {("POST", "/service"), ("POST", "/kernel"), ("GET", "/kernel/<>/channels")}


# --- settings


def test_every_program_for_curl_is_encoded():
    """A plus in ``-d code=1+1`` would be a blank."""
    sources = [*DOCUMENTS, *(ROOT / "web" / "public").glob("*.html")]
    lines = [line for path in sources for line in path.read_text().splitlines() if "curl " in line]
    programs = [line for line in lines if "code=" in line]
    assert len(programs) >= 3
    for line in programs:
        assert "--data-urlencode 'code=" in line, line


def documented_settings() -> dict[str, object]:
    """Keys and defaults of the tables in docs/operations.rst that begin with "Key"."""
    found: dict[str, object] = {}
    for table in doctree(ROOT / "docs" / "operations.rst").findall(nodes.table):
        rows = [
            [entry.astext() for entry in row.findall(nodes.entry)]
            for row in table.findall(nodes.row)
        ]
        if rows[0][0] != "Key":
            continue
        for key, default, meaning in rows[1:]:
            assert key not in found, f"{key} is there twice"
            assert meaning
            found[key] = tomllib.loads(f"default = {default}")["default"]
    return found


def test_operations_has_every_setting_with_its_default():
    config = attrs.asdict(Config(), recurse=False)
    defaults = {
        f"limits.{table}.{key}": value
        for table, limits in attrs.asdict(Limits()).items()
        for key, value in limits.items()
    }
    for key, value in config.items():
        if attrs.has(type(value)) and key != "limits":
            inner = attrs.asdict(value).items()
            defaults |= {f"{key}.{name}": _listed(each) for name, each in inner}
        elif key != "limits":
            defaults[key] = _listed(value)
    defaults["state_dir"] = str(defaults["state_dir"])
    assert documented_settings() == defaults


def _listed(value: object) -> object:
    """A value as TOML has it: without tuples."""
    return list(value) if isinstance(value, tuple) else value


@each_document
def test_every_limit_it_names_exists(path):
    named = re.findall(r"``limits\.(?!py``)([\w.]+\w)(?:``| =)", path.read_text())
    tables = attrs.asdict(Limits())
    assert set(named) <= {f"{table}.{key}" for table, keys in tables.items() for key in keys}


@each_document
def test_its_command_lines_are_understood(path):
    text = "\n".join(blocks(path)).replace("\\\n", " ")
    for arguments in re.findall(r"twistd .*?sagecell-tx (.*)", text):
        flags = {f"--{name}" for name, *_ in Options.optFlags}
        words = [word for word in arguments.split() if word not in flags]
        options = dict(zip(words[::2], words[1::2], strict=True))
        known = {"--listen", *(f"--{name}" for name, *_ in Options.optParameters)}
        assert options.keys() <= known


@each_document
def test_its_commands_for_operators_are_understood(path):
    text = "\n".join(blocks(path))
    for command in re.findall(r"^ *(?:\S+/)?sagecell-tx (.+)$", text, re.MULTILINE):
        words, _, _ = command.partition(">")
        assert parser().parse_args(words.split()).run


def test_operations_has_every_command_for_operators():
    text = (ROOT / "docs" / "operations.rst").read_text()
    commands = (
        "settings upgrade",
        "status",
        "load",
        "drain",
        "db check",
        "cluster keys",
        "compute",
    )
    for command in commands:
        assert f"sagecell-tx {command}" in text


# --- languages

#: Languages that are run by installed programs.
PROGRAMS = {
    name: each.program for name, each in NAMES.items() if isinstance(each, Language | KeptLanguage)
}

#: All languages of the server; the kernel itself runs Python and Sage.
LANGUAGES = NAMES.keys() | {"python", "sage"}


def lists_of_languages(path: Path) -> list[set[str]]:
    """Each enumeration with GAP and GP in a document, as words in lower case."""
    text = " ".join(path.read_text(encoding="utf-8").replace("``", "").lower().split())
    lists = re.findall(r"(?:[\w-]+, )*gap, gp(?:, [\w-]+)*(?: (?:and|or) [\w-]+)?", text)
    return [set(re.split(", | and | or ", each)) for each in lists]


@pytest.mark.parametrize("name", ["README.rst", "docs/embedding.rst", "web/public/help.html"])
def test_it_lists_the_languages_that_the_server_has(name):
    assert lists_of_languages(ROOT / name) == [LANGUAGES]


def test_documents_list_the_languages_that_programs_run():
    docs = ROOT / "docs"
    assert lists_of_languages(docs / "compatibility.rst") == [PROGRAMS.keys()]
    names, programs = lists_of_languages(docs / "operations.rst")
    assert names == PROGRAMS.keys()
    assert programs == {program.lower() for program in PROGRAMS.values()}


def test_the_browser_offers_the_languages_that_the_server_has():
    source = (ROOT / "web" / "src" / "editor" / "languages.ts").read_text(encoding="utf-8")
    (table,) = re.findall(r"const LANGUAGES\b.*?^};", source, re.DOTALL | re.MULTILINE)
    assert set(re.findall(r"^  (\w+): ", table, re.MULTILINE)) == LANGUAGES


# --- words


def words_given_to(names: set[str], folder: str) -> set[str]:
    """The error words: the first argument of every call of `names` in a folder of the package."""
    found = set()
    for path in (ROOT / "sagecell_tx" / folder).rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                texts = [
                    argument.value
                    for argument in call.args
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                ]
                if call.func.id in names and texts and re.fullmatch(r"[a-z_]+", texts[0]):
                    found.add(texts[0])
    return found


def test_the_protocol_has_every_error_word():
    told = set(literals(ROOT / "docs" / "protocol.rst"))
    words = words_given_to({"Problem"}, "http")
    words |= words_given_to({"Refused", "Undeliverable"}, "sessions")
    words |= {word for word, _ in [*TOO_MANY_KERNELS.values(), *TOO_MANY_STARTS.values()]}
    assert {"unknown_kernel", "too_many_kernels", "duplicate_msg_id"} <= words
    assert words - told == set()


def test_lifecycle_has_every_reason():
    told = set(literals(ROOT / "docs" / "lifecycle.rst"))
    assert {reason.value for reason in Reason} - told == set()


def test_lifecycle_has_every_state():
    machine = ROOT / "sagecell_tx" / "sessions" / "lifecycle" / "machine.py"
    source = machine.read_text(encoding="utf-8")
    states = set(re.findall(r'machine\.state\("(\w+)"', source))
    path = ROOT / "docs" / "lifecycle.rst"
    terms = {
        term.astext()
        for item in doctree(path).findall(nodes.definition_list_item)
        for term in item.findall(nodes.term)
    }
    assert len(states) > 5
    assert terms == states
    diagram = "\n".join(blocks(path))
    assert {state for state in states if state not in diagram} == set()

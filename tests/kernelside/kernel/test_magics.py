"""IPython's magics in a kernel of ours and in a stock ipykernel: where they differ is listed here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sagecell_tx.kernelside.kernel.magics import REFUSED
from tests.kernelside.driving import Cell, Server

pytestmark = pytest.mark.integration

NAMES = "sorted(f'{kind} {name}' for kind, all in get_ipython().magics_manager.magics.items() for name in all)"

#: A program for each magic that ends, needs nobody to type, and leaves the kernel as it was.
PROGRAMS = {
    "line alias": "%alias hi echo hello\nget_ipython().run_line_magic('hi', '')",
    "line alias_magic": "%alias_magic t timeit",
    "line autoawait": "%autoawait",
    "line autocall": "%autocall 0",
    "line automagic": "%automagic 1",
    "line autosave": "%autosave 0",
    "line bookmark": "%bookmark here\n%bookmark -l\n%bookmark -d here",
    "line cat": "%cat a.txt",
    "line cd": "%mkdir data\n%cd data\n%cd -\n%cd data\n%cd ..\n%cd nowhere",
    "line clear": "%clear",
    "line code_wrap": "%code_wrap --list",
    "line colors": "%colors nocolor",
    "line config": "%config InteractiveShell.ast_node_interactivity",
    "line cp": "%cp a.txt b.txt",
    "line dhist": "%dhist",
    "line dirs": "%dirs",
    "line doctest_mode": "%doctest_mode\n%doctest_mode",
    "line env": "%env A=1\n%env A",
    "line gui": "%gui",
    "line hist": "%hist -n 1",
    "line history": "%history 1-2",
    "line killbgscripts": "%killbgscripts",
    "line ldir": "%ldir",
    "line less": "%less a.txt",
    "line lf": "%lf",
    "line lk": "%lk",
    "line ll": "%ll",
    "line load": "%load p.py",
    "line load_ext": "%load_ext autoreload",
    "line loadpy": "%loadpy p.py",
    "line logoff": "%logoff",
    "line logon": "%logon",
    "line logstart": "%logstart log.py\n%logstop",
    "line logstate": "%logstate",
    "line logstop": "%logstop",
    "line ls": "%ls a.txt",
    "line lsmagic": "%lsmagic;",
    "line lx": "%lx",
    "line macro": "x = 1\n%macro m 1",
    "line magic": "%magic -brief",
    "line man": "%man nothing",
    "line matplotlib": "%matplotlib --list",
    "line mkdir": "%mkdir made",
    "line more": "%more a.txt",
    "line mv": "%mv b.txt c.txt",
    "line page": "%page x",
    "line pdb": "%pdb off",
    "line pdef": "%pdef len",
    "line pdoc": "%pdoc len",
    "line pfile": "import os\n%pfile os",
    "line pinfo": "%pinfo len",
    "line pinfo2": "%pinfo2 len",
    "line popd": "%pushd data\n%popd\n%popd",
    "line pprint": "%pprint\n%pprint",
    "line precision": "%precision 3\n%precision",
    "line prun": "%prun -q 1",
    "line psearch": "%psearch pri*",
    "line psource": "import textwrap\n%psource textwrap.dedent",
    "line pushd": "%pushd data\n%popd",
    "line pwd": "%pwd;",
    "line pycat": "%pycat p.py",
    "line quickref": "%quickref",
    "line recall": "%recall 1",
    "line rehashx": "%rehashx",
    "line reload_ext": "%reload_ext autoreload",
    "line rep": "%rep 1",
    "line rerun": "%rerun 1",
    "line reset": "%reset -f",
    "line reset_selective": "%reset_selective -f x",
    "line rm": "%rm c.txt",
    "line rmdir": "%rmdir made",
    "line run": "%run p.py",
    "line save": "%save -f s.py 1",
    "line sc": "%sc a = echo 1",
    "line set_env": "%set_env A 2",
    "line sx": "%sx echo 1",
    "line system": "%system echo 1",
    "line tb": "%tb",
    "line time": "%time 1",
    "line timeit": "%timeit -n1 -r1 1",
    "line unalias": "%unalias hi",
    "line unload_ext": "%unload_ext autoreload",
    "line who": "%who",
    "line who_ls": "%who_ls",
    "line whos": "%whos",
    "line xdel": "x = 1\n%xdel x",
    "line xmode": "%xmode Context",
    "cell !": "%%!\necho 1",
    "cell HTML": "%%HTML\n<b>x</b>",
    "cell SVG": "%%SVG\n<svg xmlns='http://www.w3.org/2000/svg'></svg>",
    "cell bash": "%%bash\necho 1",
    "cell capture": "%%capture out\nprint(1)",
    "cell code_wrap": "%%code_wrap nothing\n__code__",
    "cell file": "%%file f.txt\nx",
    "cell html": "%%html\n<b>x</b>",
    "cell javascript": "%%javascript\n1",
    "cell js": "%%js\n1",
    "cell latex": "%%latex\n$x$",
    "cell markdown": "%%markdown\n*x*",
    "cell perl": "%%perl\nprint 1",
    "cell prun": "%%prun -q\n1",
    "cell python": "%%python\nprint(1)",
    "cell python3": "%%python3\nprint(1)",
    "cell script": "%%script cat\nx",
    "cell sh": "%%sh\necho 1",
    "cell svg": "%%svg\n<svg xmlns='http://www.w3.org/2000/svg'></svg>",
    "cell sx": "%%sx\necho 1",
    "cell system": "%%system\necho 1",
    "cell time": "%%time\n1",
    "cell timeit": "%%timeit -n1 -r1\n1",
    "cell writefile": "%%writefile w.txt\nx",
}

#: Magics without a program: what they need is not here.
UNTRIED = {
    "an editor": ["line ed", "line edit", "line notebook"],
    "a person": ["line debug", "cell debug"],
    "a window": ["line pylab"],
    "the network": ["line pastebin"],
    "installers": ["line conda", "line mamba", "line micromamba", "line pip", "line uv"],
    "other languages": ["cell pypy", "cell python2", "cell ruby"],
}

FILES = {"a.txt": "text\n", "p.py": "print('run')\n"}


@pytest.fixture(scope="module")
def stock(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    """A stock ipykernel, with sockets where those of a kernel of ours would be."""
    directory = tmp_path_factory.mktemp("stock")
    for name in ("ipc", "work"):
        (directory / name).mkdir()
    ports = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}
    connection = {"transport": "ipc", "ip": f"{directory}/ipc/k", "key": "secret", **ports}
    (directory / "kernel.json").write_text(json.dumps(connection))
    environment = {**os.environ, "IPYTHONDIR": str(directory), "HOME": str(directory / "work")}
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(directory / "kernel.json")]
    with subprocess.Popen(
        command,
        cwd=directory / "work",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        cell = Cell(server, 0, directory, "secret", process.pid)
        yield cell
        cell.hang_up()
        process.kill()


def ending(cell: Cell, program: str) -> tuple[str, str]:
    """The status of the reply, and the name of the error."""
    reply = cell.run(program).reply
    return reply["status"], reply.get("ename", "")


def test_each_magic_of_a_stock_ipykernel_ends_here_as_it_does_there(
    stock: Cell, cell: Cell
) -> None:
    magics = set(eval(stock.value(NAMES)))
    untried = {name for names in UNTRIED.values() for name in names}
    refused = {f"line {name}" for name in REFUSED}
    assert magics - set(eval(cell.value(NAMES))) == set()
    assert magics - PROGRAMS.keys() - untried - refused == set()
    for directory in (stock.work, cell.work):
        for name, text in FILES.items():
            (directory / name).write_text(text)
    different = {}
    for name, program in PROGRAMS.items():
        if name in magics:
            here, there = ending(cell, program), ending(stock, program)
            if here != there:
                different[name] = (here, there)
    assert different == {}


@pytest.mark.parametrize(("name", "sentence"), REFUSED.items())
def test_what_is_refused_is_one_sentence(cell: Cell, name: str, sentence: str) -> None:
    result = cell.run(f"%{name}")
    assert result.reply["status"] == "error"
    assert result.text("stderr") == f"UsageError: {sentence}\n"
    assert result.of("error") == []


def test_directories_are_remembered(cell: Cell) -> None:
    work = cell.value("import os; os.getcwd()")
    result = cell.run("%mkdir data\n%cd data\n%cd -\n%cd data\n%cd\n%dhist")
    assert result.reply["status"] == "ok"
    assert cell.value("os.getcwd()") == work
    assert cell.value("str(_dh[0])") == work
    cell.run("%bookmark here data\n%cd -b here\n%bookmark -l")
    assert cell.value("os.path.basename(os.getcwd())") == "'data'"
    assert "'data'" not in cell.value("%pushd ..")


class TestImports:
    def test_of_a_module_that_the_program_wrote(self, cell: Cell) -> None:
        cell.run("open('mymod.py', 'w').write('z = 3')\nimport mymod")
        assert cell.value("mymod.z") == "3"

    def test_from_where_the_program_went(self, cell: Cell) -> None:
        cell.run("%mkdir data\n%cd data\nopen('there.py', 'w').write('z = 4')\nimport there")
        assert cell.value("there.z") == "4"

    def test_in_a_process_that_the_program_started(self, cell: Cell) -> None:
        cell.run("open('mymod.py', 'w').write('z = 5')")
        code = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import mymod; print(mymod.z)'])"
        assert cell.run(code).text() == "5\n"

    def test_pythons_own_modules_come_first_and_installed_ones_after(
        self, cell: Cell, stock: Cell
    ) -> None:
        place = "__import__('sys').path.index('') - next(n for n, p in enumerate(__import__('sys').path) if 'site-packages' in p)"
        assert cell.value(place) == stock.value(place) == "-1"


@pytest.mark.parametrize(
    "program",
    [
        "%config InteractiveShell.ast_node_interactivity = 'all'",
        "get_ipython().ast_node_interactivity = 'all'",
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "InteractiveShell.ast_node_interactivity = 'all'",
    ],
)
def test_which_values_are_shown_is_kept_for_the_cells_after(cell, program):
    cell.run(program)
    for _ in range(2):
        values = [each["data"]["text/plain"] for each in cell.run("1\n2").of("execute_result")]
        assert values == ["1", "2"]
        assert not cell.run('exec("""1\n2""")').of("execute_result")

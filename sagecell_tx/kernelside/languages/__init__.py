"""Languages other than Python, for cells that are written in them.

A page wraps such a cell's code in Python, as ``print(gap.eval(\"\"\"...\"\"\"))``; these are the
names that it uses. Programs are looked up and started only when a name is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sagecell_tx.kernelside.languages.kept import KeptLanguage
from sagecell_tx.kernelside.languages.markup import html
from sagecell_tx.kernelside.languages.programs import Language

#: Octave's function that runs a program. A plot that a failed program has left open is none of the
#: next one's.
_OCTAVE = """
PS1 ("");
PS2 ("");
warning ("off", "Octave:gnuplot-graphics");
function varargout = input (varargin)
  error ("input: a program here cannot ask");
endfunction
function keyboard (varargin)
  error ("keyboard: a program here cannot ask");
endfunction
function sagecell_run__ (path)
  try
    evalin ("base", fileread (path));
  catch problem
    told = problem.message;
    if (! strncmp (told, "parse error", 11))
      told = ["error: " told];
    endif
    fflush (stdout);
    fprintf (stderr, "%s\\n", told);
    if (! isempty (get (0, "children")))
      close ("all");
    endif
  end_try_catch
endfunction
"""

#: R's loop over commands. It shows warnings itself, since R does that only at its own prompt.
_R = """
tools::Rd2txt_options(underline_titles = FALSE)
options(editor = function(...) stop("there is no editor here: change the program in its cell"))
local({
  commands <- file("stdin", "r")
  tell <- function(word, problem) {
    call <- conditionCall(problem)
    inner <- is.null(call) || list(call[[1]]) %in% list(quote(eval), quote(parse), quote(source))
    place <- if (inner) ": " else paste0(" in ", deparse(call)[1], " : ")
    cat(word, place, conditionMessage(problem), "\\n", sep = "")
  }
  while (length(line <- readLines(commands, 1)) > 0) {
    words <- strsplit(line, " ")[[1]]
    if (words[1] == "run") {
      tryCatch(withCallingHandlers({
        program <- parse(text = readLines(words[2], encoding = "UTF-8"), keep.source = TRUE)
        source(exprs = program, echo = FALSE, print.eval = TRUE)
      }, warning = function(problem) {
        tell("Warning", problem)
        invokeRestart("muffleWarning")
      }), error = function(problem) tell("Error", problem), interrupt = function(problem) NULL)
      graphics.off()
    } else {
      cat(words[2], words[3], "\\n", sep = "")
    }
    flush(stdout())
  }
})
"""

#: The objects for these languages, by the names that every visitor's program finds.
NAMES: Mapping[str, object] = {
    "gap": Language("GAP", "gap", ("-q", "-T", "-r")),
    "gp": Language("PARI/GP", "gp", ("-q", "-f")),
    "html": html,
    "macaulay2": KeptLanguage(
        title="Macaulay2",
        program="M2",
        arguments=(
            *("--silent", "-q", "--no-readline", "--no-prompts", "--no-debug", "--no-tty"),
            # Macaulay2 echoes input that does not come from a terminal.
            *("-e", "clearEcho stdio"),
        ),
        running='input "{}"',
        marking='print("{}" | "{}"); flush stdio;',
        echoes=True,
    ),
    "maxima": Language("Maxima", "maxima", ("--very-quiet",), before="display2d:false$\n"),
    "octave": KeptLanguage(
        title="Octave",
        program="octave-cli",
        arguments=(
            # Only what is interactive goes on after an interrupt.
            *("--quiet", "--norc", "--no-history", "--no-line-editing", "--interactive"),
            *("--persist", "--eval", _OCTAVE),
        ),
        running='sagecell_run__ ("{}");',
        marking='puts (["{}" "{}" "\\n"]); fflush (stdout);',
    ),
    "r": KeptLanguage(
        title="R",
        program="R",
        arguments=("--no-echo", "--vanilla", "-e", _R),
        running="run {}",
        marking="mark {} {}",
        environment={"R_DEFAULT_DEVICE": "png"},
    ),
    "singular": Language("Singular", "Singular", ("-q", "--no-rc", "--no-tty")),
}


def installed() -> Sequence[str]:
    """The names of those that can run here: their programs are on the PATH, or they need none."""
    return [
        name
        for name, language in NAMES.items()
        if not isinstance(language, Language | KeptLanguage) or language.is_installed
    ]

"""What the learner reads: at most twelve lines, the same in text and HTML."""

import html
import os
import re
from dataclasses import dataclass

import numpy as np

from course_utils.checks.compare import number
from course_utils.checks.diagnose import Verdict
from course_utils.checks.exercise import Exercise
from course_utils.checks.sandbox import is_tensor

__all__ = ["Feedback", "give_feedback"]

MAX_LINES = 12
MARKS = "⟪⟫"  # around the expression that a place points at, in a line of code
_MAX_WIDTH = 160  # characters of one line; what is longer is cut with an ellipsis


@dataclass(frozen=True)
class Feedback:
    """What to tell somebody about an answer; displays itself in a notebook.

    Attributes
    ----------
    headline : str
        The result in one sentence.
    rows : tuple of (str, str)
        Label and text, for example ``("Likely cause", "...")``.
    verdict : Verdict
        What the checker found.
    """

    headline: str
    rows: tuple[tuple[str, str], ...]
    verdict: Verdict

    @property
    def passed(self):
        """Whether the answer is right."""
        return self.verdict.passed

    @property
    def mistakes(self):
        """Names of the mistakes that were recognised."""
        return self.verdict.names

    @property
    def lines(self):
        """The feedback as lines of text, at most twelve."""
        width = max((len(label) for label, _ in self.rows), default=0)
        return [self.headline, *(f"  {label:<{width}}  {text}".rstrip() for label, text in self.rows)]

    def __str__(self):
        return "\n".join(self.lines)

    def _repr_pretty_(self, printer, cycle):
        printer.text(str(self))

    def _repr_html_(self):
        kind = {"passed": "passed", "wrong": "wrong"}.get(self.verdict.status, "open")
        body = "".join(f"<dt>{html.escape(label or 'There')}</dt><dd>{_with_line_breaks(text)}</dd>"
                       for label, text in self.rows)
        # A Jupyter server names the notebook there: somebody is at it. What is recorded holds no script.
        say = f"<script>{_SAY}</script>" if os.environ.get("JPY_SESSION_NAME") else ""
        return (f'<div class="course-feedback course-{kind}"><style>{_CSS}</style>'
                f'<p role="heading" aria-level="3">{html.escape(self.headline)}</p>'
                f"{f'<dl>{body}</dl>' if body else ''}{say}</div>")


# Colours: a bar and a sign say right or wrong, so that colour alone never does. Text keeps the theme's own colour.
# The last line is for the hints and quizzes that follow: a finger wants 24 pixels, JupyterLab gives 22.
_CSS = """
.course-feedback{border-left:6px solid #767676;padding:.3em 1em;margin:.3em 0;max-width:56em;
color:var(--jp-content-font-color1,CanvasText);font-family:var(--jp-content-font-family,system-ui,sans-serif)}
.course-feedback.course-passed{border-color:#1a8a4a}.course-feedback.course-wrong{border-color:#d0461e}
.course-feedback p{font-weight:600;margin:.2em 0}
.course-feedback dl{display:grid;grid-template-columns:max-content 1fr;gap:.15em 1em;margin:.3em 0}
.course-feedback dt{opacity:.85;margin:0;font-weight:400;width:auto;float:none}
.course-feedback dd{margin:0;overflow-wrap:anywhere;width:auto}
.course-feedback code{white-space:pre-wrap;background:none}
.jp-RenderedMarkdown summary{padding:.1em 0}
""".replace("\n", "")

# A screen reader speaks what changes in a live region that has been there before, so the page keeps one. Said are the
# headline and the first row, without the sign, and only where somebody ran this cell: not for a notebook that is
# opened, nor while further cells wait, as in Run All. A cause below the edge of a low page comes onto it then. The
# heading, which is no <h3>, stays out of JupyterLab's table of contents and is found by a reader's keys all the same.
# Where scripts do not run, it is all there is.
_SAY = """
(() => {
const box = document.currentScript.parentNode, cell = box.closest(".jp-CodeCell");
if (!cell) return;
const prompts = [...cell.closest(".jp-Notebook").querySelectorAll(".jp-InputPrompt")];
const busy = prompts.filter(each => each.textContent.includes("*"));
if (busy.length !== 1 || !cell.contains(busy[0])) return;
const cause = [...box.querySelectorAll("dt")].find(each => /^(Likely cause|Cause 1)$/.test(each.textContent));
let region = document.getElementById("course-says");
if (!region) {
region = document.createElement("div");
region.id = "course-says";
region.setAttribute("role", "status");
region.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)";
document.body.append(region);
}
region.textContent = "";
const parts = [...box.querySelectorAll("[role=heading], dt, dd")].slice(0, 3).map(each => each.textContent.trim());
const [headline, label, text] = parts;
clearTimeout(region.pause);
region.pause = setTimeout(() => {
if (cause) cause.nextElementSibling.scrollIntoView({ block: "nearest" });
region.textContent = headline.replace(/^[^A-Za-z_]+/, "") + "." + (text ? ` ${label}: ${text}` : "");
}, 700);
})()
""".strip().replace("\n", " ")


_MARK = "background:none;color:inherit;font-weight:700;border:2px solid;border-radius:3px;padding:0 2px"
_SIGNS = re.compile(f"{MARKS[0]}(.*?){MARKS[1]}")


def _with_line_breaks(text):
    """Escape a text; what stands between backticks becomes code."""
    parts = _SIGNS.sub(rf'<mark style="{_MARK}">\1</mark>', html.escape(text)).split("`")
    if len(parts) % 2 == 0:  # a backtick without a partner is a backtick
        parts = ["`".join(parts)]
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def give_feedback(exercise, verdict):
    """Put a verdict into words.

    Parameters
    ----------
    exercise : Exercise
    verdict : Verdict

    Returns
    -------
    Feedback
    """
    if verdict.status == "not attempted":
        headline = f"○ {exercise.name}: Not attempted yet"
        rows = [("Next", "replace the `raise NotImplementedError` by your own code; " + _hint(exercise) + " helps")]
    elif verdict.passed:
        headline, rows = f"✓ {exercise.name}: passed", _passed_rows(exercise)
    else:
        headline, rows = f"✗ {exercise.name}: {_summary(verdict)}", _wrong_rows(exercise, verdict)
    if verdict.printed and not verdict.passed:
        first, *more = verdict.printed.strip().split("\n")
        rows.append(("It printed", _cut(repr(first)[:_MAX_WIDTH]) + _more(len(more))))
    rows = [(label, _cut(text)) for label, text in rows if text][: MAX_LINES - 1]
    return Feedback(headline, tuple(rows), verdict)


def _passed_rows(exercise: Exercise):
    more = ", and on drawn ones" if exercise.drawn else ""
    return [("Agrees", f"with the reference on {len(exercise.known_cases)} inputs{more}"),
            ("Holds", _listed([probe.name for probe in exercise.known_probes]))]


def _listed(names):
    """As many of these as one row has room for, and how many more there are."""
    tails = [f"; and {len(names) - n} more" if n < len(names) else "" for n in range(len(names) + 1)]
    rows = ["; ".join(names[:n]) + tails[n] for n in range(len(names), 0, -1)]
    return next((row for row in rows if len(row) <= 2 * _MAX_WIDTH), "; ".join(names))


def _summary(verdict):
    trouble = verdict.trouble
    if verdict.drawn:
        return "right on the known inputs, wrong on drawn ones"
    if trouble and trouble.kind == "did not finish":
        return "did not finish"
    if trouble and trouble.line:
        return f"stopped with {trouble.kind}"
    if len(verdict.mistakes) == 2:
        return "not right yet, for two reasons"
    return "not right yet"


def _wrong_rows(exercise, verdict):
    rows, trouble = [], verdict.trouble
    if verdict.broken:
        rows.append(("What broke", verdict.broken.sentence))
    elif verdict.overwritten and not verdict.case:
        rows.append(("What broke", f"it changes its argument `{verdict.overwritten[0]}`, which the caller still needs"))
    elif verdict.case and not trouble:
        rows.append(("What broke", f"the result differs from {exercise.signature} as specified"))
    if trouble:
        rows.append(("What happened", trouble.message))
        rows.append(("Where", _where(trouble)))
    if verdict.case:
        note = f" ({verdict.case.note})" if verdict.case.note else ""
        rows.append(("Example", f"`{write_call(exercise, verdict.case)}`{note}"))
    rows.append(("", verdict.difference))
    if verdict.place:  # a screen reader hears the expression in the sentence, too
        rows += [("Place", _line_with_mark(verdict.place)), ("", verdict.place.says)]
    rows.append(("What came", verdict.plain))
    if verdict.broken and verdict.broken.example:
        rows.append(("Seen", verdict.broken.example))
    if verdict.broken and verdict.broken.trouble:
        rows.append(("Where", _where(verdict.broken.trouble)))
    for count, mistake in enumerate(verdict.mistakes, 1):
        label = f"Cause {count}" if len(verdict.mistakes) > 1 else "Likely cause"
        rows += [(label, mistake.cause), ("Try", mistake.experiment)]
    if verdict.overwritten and (verdict.case or verdict.broken):
        rows.append(("Also", f"it changes its argument `{verdict.overwritten[0]}`: compute a new array instead"))
    if verdict.noted and verdict.noted not in [mistake.cause for mistake in verdict.mistakes]:
        rows.append(("Also", verdict.noted))
    if not verdict.mistakes:
        own_words = verdict.broken.experiment if verdict.broken and not (verdict.drawn or verdict.plain) else ""
        rows.append(("Try", own_words or _general_experiment(verdict)))
    rows.append(("More", _hint(exercise)))
    return rows


def _more(number):
    return f" and {number} more line{'s' * (number > 1)}" if number else ""


def _where(trouble):
    """The line of the learner's cell; what went on in a function of another cell is told by its name."""
    inside = f"in your `{trouble.inside}`: `{trouble.inside_code}`" if trouble.inside else ""
    line = f"line {trouble.line} of your cell: `{trouble.code}`" if trouble.line else ""
    return f"{line}; it stops {inside}" if line and inside else line or inside


def _line_with_mark(place):
    """The line with the expression between two signs, which become a mark on a page."""
    where = f"line {place.line} of your cell" if not place.inside else f"line {place.line} in your `{place.inside}`"
    return f"{where}: `{place.before}{MARKS[0]}{place.marked}{MARKS[1]}{place.after}`"


def _hint(exercise):
    return f'`hint("{exercise.name}")`'


def _general_experiment(verdict):
    trouble = verdict.trouble
    if verdict.step:
        return verdict.step
    if trouble and trouble.kind == "did not finish":
        return "look for a loop whose condition never becomes false, or one that restarts itself"
    if trouble and trouble.kind == "Refused":
        return "write it with NumPy, PyTorch and functions of your own"
    if trouble and trouble.kind == "returned None":
        return "end the function with `return` and what is asked for"
    if trouble and not trouble.line:
        return "look at what stands behind `return`, and print its `type` in a cell of its own"
    if trouble:
        return "call your function on the example in a cell of its own and print the shapes just before that line"
    if verdict.overwritten and not verdict.case:
        return "write `a = a * 2` in place of `a *= 2`, and do not assign to `a[...]`"
    return "call your function on the example in a cell of its own and work the first differing number out by hand"


def write_call(exercise, case):
    """Write a case as a call: small arrays in full, large ones by their shape."""
    words = [_write(name, x) for name, x in zip(exercise.parameters, case.args)]
    words += [f"{name}={_write(name, x)}" for name, x in case.kwargs.items()]
    return f"{exercise.name}({', '.join(words)})"


def _write(name, x):
    if isinstance(x, np.ndarray) or is_tensor(x):
        if x.ndim == 0 or 0 < np.prod(x.shape) <= 8:
            return _write_numbers(x.tolist())
        return f"{name} of shape {tuple(x.shape)}"
    if isinstance(x, (list, tuple)) and x and all(isinstance(y, np.ndarray) or is_tensor(y) for y in x):
        return f"{name} of shapes {', '.join(str(tuple(y.shape)) for y in x)}"
    if isinstance(x, (list, tuple)) and len(repr(x)) > 40:
        return f"{name} with {len(x)} entries"
    if isinstance(x, (float, np.number)):
        return number(x)
    return repr(x) if isinstance(x, (int, bool, str, type(None), list, tuple)) else name  # a layer, a function


def _write_numbers(x):
    if isinstance(x, list):
        return "[" + ", ".join(_write_numbers(y) for y in x) + "]"
    return str(x) if isinstance(x, (bool, int)) or x == round(x, 2) else number(x)


def _cut(text):
    text = " ".join(str(text).split())
    return text if len(text) <= _MAX_WIDTH * 2 else text[: _MAX_WIDTH * 2 - 1] + "…"

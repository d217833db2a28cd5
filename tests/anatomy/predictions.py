"""Rules about predictions: what answers one is not on the same screen."""

import re

from notebook_parts import folds, tags, unfolded, words

from anatomy.lesson import rule
from course_utils.classroom.pace import ANSWER, PREDICT

WHERE = re.compile(r", (?:in|from) notebook \d\d")  # of the words that say whose a function is
SHAPE = re.compile(r"\((?:\d+, ?)*\d*,?\)")
TELLING = re.compile(r"\d|\b(?:True|False|yes|no)\b", re.IGNORECASE)


@rule
def predictions(lesson):
    """Each prediction is followed, within its section, by an answer whose output or text opens folded."""
    for i, cell in lesson.markdown:
        if PREDICT.search(cell.source):
            yield from unanswered(lesson, i)


def unanswered(lesson, i):
    """Complaints about the cells after a prediction in cell i."""
    code_seen = False
    for k, cell in list(enumerate(lesson.cells))[i + 1:]:
        if cell.cell_type == "code":
            if not code_seen and not tags(cell) & {"answer", "neutral"}:
                yield f"cell {k} is the first code after the prediction in cell {i}: tag it answer, or neutral"
            code_seen = True
        elif PREDICT.search(cell.source) or re.match(r"## ", cell.source):
            break
        if "answer" in tags(cell):
            return
    yield f"cell {i}: a prediction without a cell tagged answer before the next prediction or heading"


@rule
def answers(lesson):
    """A text that answers a prediction is folded; no other text uses that fold."""
    for i, cell in lesson.markdown:
        folded = [summary for summary, _ in folds(cell.source)]
        if "answer" in tags(cell):
            if folded != [ANSWER] or words(unfolded(cell.source)) > 12:
                yield f"cell {i}: an answer should be one fold {ANSWER!r} after at most a line, got {folded}"
        elif ANSWER in folded:
            yield f"cell {i}: the fold {ANSWER!r} needs the tag answer"
    for i, cell in lesson.code:
        if "neutral" in tags(cell) and not any("image/png" in output.get("data", {}) for output in cell.outputs):
            yield f"cell {i}: neutral is for a figure that gives nothing away as it starts"


@rule
def first_line(lesson):
    """What JupyterLab leaves of a folded output, the first line of its text, gives nothing away."""
    for i, cell in lesson.code:
        if "answer" not in tags(cell) or not cell.outputs:
            continue
        first = cell.outputs[0]
        if first.output_type == "stream":
            line = first.text.split("\n")[0]
            if TELLING.search(SHAPE.sub("", WHERE.sub("", line))):
                yield f"cell {i} shows {line!r} of its folded output: print a line before it that tells nothing"
        elif "text/html" in first.get("data", {}):
            yield f"cell {i} shows the markup of its folded output: print a line before it"

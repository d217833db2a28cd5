"""Rules about the file: sizes, slides, tags, plain code, and that it was recorded as it stands."""

import ast
import re
import statistics

import nbformat
from notebook_parts import tags, texts
from record import FOLDED, number_cells

from anatomy.lesson import rule

SLIDES = {"slide", "subslide", "fragment", "skip", "notes", "-"}
TAGS = {"setup", "exercise", "check", "why", "hide-input", "no-slide", "solution", "raises-exception",
        "nbval-ignore-output", "answer", "neutral"}


@rule
def slides(lesson):
    """Each cell says what it is on slides."""
    for i, cell in enumerate(lesson.cells):
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        if kind not in SLIDES:
            yield f"cell {i}: slideshow.slide_type should be one of {sorted(SLIDES)}, got {kind!r}"
    if lesson.cells[0].metadata.get("slideshow", {}).get("slide_type") != "slide":
        yield "cell 0 should begin a slide"


@rule
def code_cells(lesson):
    """Code comes in small pieces with words between them."""
    lengths = [len(cell.source.strip().split("\n")) for _, cell in lesson.code]
    if lengths and statistics.median(lengths) > 8:
        yield f"the median of a code cell's lines should be at most 8, is {statistics.median(lengths)}"
    run = 0
    for i, cell in enumerate(lesson.cells):
        run = run + 1 if cell.cell_type == "code" else 0
        if run == 4:
            yield f"cell {i}: the fourth code cell in a row"
        if cell.cell_type == "code":
            lines = cell.source.split("\n")
            if len(lines) > 25:
                yield f"cell {i}: {len(lines)} lines of code, at most 25"
            if max(map(len, lines)) > 79:
                yield f"cell {i}: a line of {max(map(len, lines))} characters, at most 79"


@rule
def size(lesson):
    """At most 60 cells and 1 MB, none of them empty or raw."""
    if len(lesson.cells) > 60:
        yield f"{len(lesson.cells)} cells, at most 60"
    if lesson.size > 1_000_000:
        yield f"{lesson.size / 1e6:.2f} MB, at most 1"
    for i, cell in enumerate(lesson.cells):
        if not cell.source.strip() or cell.cell_type == "raw":
            yield f"cell {i} is empty or raw"


@rule
def pictures(lesson):
    """A recorded picture comes with words: the fingerprint of a figure, not the name of its class."""
    for i, cell in lesson.code:
        for output in cell.outputs:
            data = output.get("data", {})
            plain = data.get("text/plain", "")
            if any(kind.startswith("image/") for kind in data) and (len(plain) < 30 or plain.startswith("<")):
                yield f"cell {i}: a picture with the text {plain!r} in place of a figure's fingerprint"
            if "image/svg+xml" in data:
                yield f"cell {i}: an SVG differs with every run"


@rule
def recorded(lesson):
    """All code was run once, top to bottom, without a word on stderr; stubs are untouched."""
    counts = [cell.execution_count for _, cell in lesson.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts should be 1, 2, 3, ...; got {counts}: run tools/record.py"
    for i, cell in lesson.code:
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                yield f"cell {i} printed to stderr"
            if output.output_type == "error" and "raises-exception" not in tags(cell):
                yield f"cell {i} raised {output.ename}"
            if any(" at 0x" in text for text in texts(output)):
                yield f"cell {i} shows an object's address"
        if "exercise" in tags(cell) and cell.outputs:
            yield f"cell {i}: a stub has no output"
        shown = "\n".join(text for output in cell.outputs for text in texts(output))
        if "check" in tags(cell) and "Not attempted yet" not in shown:
            yield f"cell {i}: the recorded check should say 'Not attempted yet', got {shown[:80]!r}"


@rule
def form(lesson):
    """The file is as tools/record.py writes it: kernel, ids, no metadata beside slideshow, tags and folded answers."""
    kernel = lesson.notebook.metadata.get("kernelspec", {}).get("name")
    if kernel != "python3":
        yield f"the kernel should be python3, got {kernel!r}"
    extra = set(lesson.notebook.metadata) - {"kernelspec", "language_info", "widgets"}
    if extra or "version" in lesson.notebook.metadata.get("language_info", {}):
        yield f"metadata of the machine or of an editor is left: {sorted(extra) or 'language_info.version'}"
    for i, cell in enumerate(lesson.cells):
        rest = {key: value for key, value in cell.metadata.items() if key not in ("slideshow", "tags")}
        wanted = FOLDED if cell.cell_type == "code" and "answer" in tags(cell) else {}
        if rest != wanted:
            yield f"cell {i}: metadata beside slideshow and tags should be {wanted or 'none'}, got {rest}"
    ids = [cell.get("id") for cell in lesson.cells]
    if ids != fresh_ids(lesson.notebook):
        yield "cell ids are not those of tools/record.py: record the notebook"


def fresh_ids(notebook):
    """The ids that tools/record.py would give."""
    copy = nbformat.from_dict(notebook)
    number_cells(copy)
    return [cell.id for cell in copy.cells]


@rule
def cell_tags(lesson):
    """Only known tags; an output that is not compared is asserted instead."""
    for i, cell in enumerate(lesson.cells):
        if tags(cell) - TAGS:
            yield f"cell {i}: unknown tags {sorted(tags(cell) - TAGS)}"
        if "nbval-ignore-output" in tags(cell) and "assert" not in cell.source:
            yield f"cell {i}: an output that is not compared needs an assert in the cell"
        if re.search(r"^\s*#\s*(NBVAL|PYTEST)_", cell.source, re.MULTILINE):
            yield f"cell {i}: nbval is told by tags, not by comments"


@rule
def plain_python(lesson):
    """Code is Python that runs anywhere: no shell, no magic, no question, no path, no `import *`."""
    for i, cell in lesson.code:
        try:
            tree = ast.parse(cell.source)
        except SyntaxError as error:
            yield f"cell {i} is not plain Python: {error.msg}"
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and any(name.name == "*" for name in node.names):
                yield f"cell {i}: 'from {node.module} import *'"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "input":
                yield f"cell {i}: input() stops Run All"
            if isinstance(node, ast.Constant) and isinstance(node.value, str) \
                    and re.match(r"(/(home|root|Users|tmp|work|usr)/|[A-Z]:\\|https?://)", node.value):
                yield f"cell {i}: {node.value!r} is not on every machine"

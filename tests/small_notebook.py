"""A small notebook that keeps every rule of anatomy, for tests that break one, run it or record it."""

import copy
from pathlib import Path

import nbformat
from anatomy import Lesson
from record import FOLDED, METADATA, number_cells

from course_utils.classroom import pace

SETUP = "from course_utils import start; start()\nfrom course_utils import check"
TASK = """## Exercise 2.{k} Write {name}

About five lines; about {minutes} minutes, core. `x` has shape (..., S)."""
STUB = "def {name}(x, axis=-1):\n    raise NotImplementedError"
FOLDS = """<details>
<summary>Hint 1</summary>

Look at the largest score of each row first.

</details>

<details>
<summary>Solution</summary>

```python
def {name}(x, axis=-1):
    return x
```

It returns what it was given, which is the whole point here.

</details>"""
WHY = """**Why does each row sum to one?**

<details>
<summary>A. By chance</summary>

**No.** Chance would not do it for each of a thousand rows.

</details>

<details>
<summary>B. We divide by the sum</summary>

**Right.** Each entry is divided by the total of its own row.

</details>

<details>
<summary>C. Scores sum to one</summary>

**No.** Scores are any numbers, and their sum is anything at all.

</details>"""
OPENING = """You will be able to

- compute the softmax of scores
- predict what a temperature does
- repair a softmax that overflows

You need Python and notebook 1. {whole} minutes, {part} of them exercises.

Shapes: scores (T, S)."""
RECAP = """## Recap

- You computed the softmax of scores.
- You predicted what a temperature does.
- You repaired a softmax that overflowed.

**Terms**: score, weight.

**Next**: weighted sums.

**Sources**

- Bridle 1990, where the name softmax and its use for networks come from."""


def exercise(name, k, minutes):
    task = TASK.format(name=name, k=k, minutes=minutes)
    return [("markdown", task, []), ("code", STUB.format(name=name), ["exercise"]),
            ("code", f'check("{name}", {name})', ["check"], f"○ {name}: Not attempted yet"),
            ("markdown", FOLDS.format(name=name), []), ("markdown", WHY, ["why"])]


def build(a, b):
    """Make a notebook around two exercises, which give name and minutes.

    Its cells: 0 title, 1 opening, 2 set-up, 3 section, 4 code, 5 task, 6 stub, 7 check, 8 folds, 9 why,
    10 to 14 the second exercise, 15 recap.
    """
    parts = [("markdown", "# 2 Softmax\n\nYou will have made weights out of scores.", []),
             ("markdown", OPENING.format(whole="{whole}", part=a.minutes + b.minutes), []),
             ("code", SETUP, ["setup"]),
             ("markdown", "## 2.1 Scores\n\n**Predict.** Which weight is it? It was 0.73 before.", []),
             ("code", "print('weights (1,)\\n0.731')", ["answer"], "weights (1,)\n0.731\n"),
             *exercise(a.name, 1, a.minutes), *exercise(b.name, 2, b.minutes), ("markdown", RECAP, [])]
    notebook = nbformat.v4.new_notebook(metadata=copy.deepcopy(METADATA))
    for kind, source, tags, *printed in parts:
        cell = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
        cell.metadata = nbformat.from_dict({"slideshow": {"slide_type": "slide"}})
        if tags:
            cell.metadata["tags"] = tags
        if "answer" in tags:
            cell.metadata.update(nbformat.from_dict(FOLDED))
        if kind == "code":
            cell.execution_count = 1 + sum(c.cell_type == "code" for c in notebook.cells)
            cell.outputs = [nbformat.v4.new_output("stream", text=text) for text in printed]
        notebook.cells.append(cell)
    opening = notebook.cells[1]
    opening.source = opening.source.replace("{whole}", str(pace.rounded(pace.core_minutes(pace.parts(notebook.cells)))))
    number_cells(notebook)
    return Lesson("02_softmax", notebook, 20_000, Path("notebooks"))

"""Every rule of anatomy is able to fail: a notebook that keeps them all, and ways to break each."""

import copy
from types import SimpleNamespace

import nbformat
import pytest
from anatomy import RULES, complaints, teaching
from record import number_cells
from small_notebook import build

from course_utils.classroom.pace import ANSWER

META = {"slideshow": {"slide_type": "slide"}}


BANK = {name: SimpleNamespace(name=name, notebook="02_softmax", minutes=minutes, core=True)
        for name, minutes in (("softmax", 12), ("temper", 10))}


def find_in_small_bank(name):
    if name not in BANK:
        raise ValueError(f"name should be the name of an exercise, got {name!r}")
    return BANK[name]


NOTES = """# 02 Softmax: teaching notes

## Cuts

| part | minutes | 50 minutes | 90 minutes |
|---|---|---|---|
| Opening | 1 | x | x |
| 2.1 Scores | 2 | x | x |
| Exercise 2.1 | 12 | x | x |
| Exercise 2.2 | 10 |  | x |
| Recap | 1 | x | x |

## 2.1 Scores

Ask for a guess first.
"""


@pytest.fixture
def good(monkeypatch, tmp_path):
    monkeypatch.setattr("course_utils.exercises.find", find_in_small_bank)
    monkeypatch.setattr("anatomy.teaching.NOTES", tmp_path)
    (tmp_path / "02_softmax.md").write_text(NOTES, encoding="utf-8")
    return build(*BANK.values())


def note(old, new):
    """A way to break the teaching notes: replace text in their file."""
    def change(lesson):
        path = teaching.notes_of(lesson)
        assert old in path.read_text(encoding="utf-8")
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return change


def swap(i, old, new):
    """A way to break a notebook: replace text in cell i."""
    def change(lesson):
        assert old in lesson.cells[i].source, (old, lesson.cells[i].source)
        lesson.cells[i].source = lesson.cells[i].source.replace(old, new)
    return change


def add(i, text):
    """A way to break a notebook: add text to cell i."""
    return lambda lesson: lesson.cells[i].update(source=lesson.cells[i].source + text)


def output(i, *outputs):
    """A way to break a notebook: give cell i other outputs."""
    return lambda lesson: lesson.cells[i].update(outputs=list(outputs))


def with_code(*sources, at=5):
    """A way to break a notebook: insert code cells."""
    def change(lesson):
        for source in sources:
            lesson.cells.insert(at, nbformat.v4.new_code_cell(source, metadata=copy.deepcopy(META)))
    return change


def untagged(i):
    """A way to break a notebook: take the tags of cell i away."""
    return lambda lesson: lesson.cells[i].metadata.pop("tags")


def html(text):
    return nbformat.v4.new_output("display_data", {"text/html": text})


def picture(kind, text):
    return nbformat.v4.new_output("display_data", {kind: "aGVsbG8=", "text/plain": text})


def stream(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


ERROR = nbformat.v4.new_output("error", ename="ValueError", evalue="x")
# The cells of the small notebook are listed in small_notebook.build.
BREAKS = [
    ("title", swap(0, "# 2", "# 3"), "should begin with '# 2 Title'"),
    ("title", swap(0, "You will have made weights out of scores.", ""), "in a sentence"),
    ("title", swap(3, "## 2.1", "# 2.1"), "only the title"),
    ("objectives", swap(1, "You will be able to", "You will"), "able to"),
    ("objectives", swap(1, "- predict what a temperature does\n", ""), "3 to 5 bullets"),
    ("objectives", swap(1, "compute", "understand"), "'understand'"),
    ("needs", swap(1, "Shapes", "Sizes"), "'Shapes'"),
    ("needs", swap(1, "You need", "Take"), "'You need'"),
    ("needs", swap(1, " minutes, ", " min, "), "one phrase"),
    ("needs", lambda lesson: swap(1, " of them", "9 of them")(lesson), "the opening says"),
    ("needs", swap(1, "25 minutes", "5 minutes"), "should be more than"),
    ("setup", untagged(2), "tag setup"),
    ("setup", swap(2, "; start()", ""), "call start()"),
    ("headings", swap(10, "2.2", "2.3"), "count 2.1"),
    ("headings", swap(3, "## 2.1 Scores", "Scores"), "no section heading"),
    ("headings", add(3, "\n\n## Look at this"), "'Look at this'"),
    ("exercises", lambda lesson: lesson.cells.__delitem__(slice(10, 15)), "2 to 5 exercises"),
    ("exercises", swap(5, "## Exercise 2.1 W", "w"), "should have the heading"),
    ("exercises", swap(5, "minutes, core", "minutes"), "about 15 minutes"),
    ("exercises", swap(6, "raise NotImplementedError", "return x"), "the stub should end in"),
    ("exercises", add(6, "\nraise NotImplementedError"), "the stub should end in"),
    ("exercises", untagged(7), "tag check"),
    ("exercises", add(7, "\n1"), "last line should be check"),
    ("exercises", swap(8, "Hint 1", "Help"), "no folded block 'Hint 1'"),
    ("exercises", swap(8, "```python", "```text"), "one ```python block"),
    ("exercises", swap(8, "It returns what it was given, which is the whole point", ""), "why it is so"),
    ("exercises", untagged(9), "no cell with the tag why"),
    ("exercises", swap(9, "**Why does", "**Does"), "should begin with"),
    ("exercises", swap(9, "**No.** Chance", "**Right.** Chance"), "got 2 and 1"),
    ("exercises", swap(9, "**No.** Chance", "Chance"), "got 1 and 1 of 3"),
    ("exercises", swap(9, "not do it for each of a thousand rows.", "not."), "explained"),
    ("exercises", with_code('check("softmax", print)', at=4), "belongs directly below"),
    ("exercises", with_code('hint("softmax")'), "spoils"),
    ("bank", swap(7, 'check("', 'check("no-such-'), "should be the name of an exercise"),
    ("bank", lambda lesson: setattr(lesson, "stem", "02_other"), "the bank puts it into 02_softmax"),
    ("bank", swap(5, "core", "extra"), "the bank ("),
    ("bank", swap(7, ", ", ", not_"), "the stub does not define"),
    ("recap", swap(15, "## Recap", "## End"), "no '## Recap'"),
    ("recap", swap(15, "- You predicted what a temperature does.\n", ""), "one by one, got 2"),
    ("recap", swap(15, "**Next**", "**Then**"), "'Next'"),
    ("recap", swap(15, ", where the name softmax and its use for networks come from", ""), "described"),
    ("recap", with_code("print(1)", at=16), "after the recap"),
    ("slides", lambda lesson: lesson.cells[3].metadata.pop("slideshow"), "cell 3: slideshow.slide_type"),
    ("slides", lambda lesson: lesson.cells[0].metadata.slideshow.update(slide_type="skip"), "cell 0 should"),
    ("code_cells", with_code(*["a = 1"] * 3), "the fourth code cell in a row"),
    ("code_cells", with_code("\n".join(["a = 1"] * 26)), "26 lines"),
    ("code_cells", with_code(f"a = {'1' * 80}"), "84 characters"),
    ("code_cells", with_code(*["\n".join(["a = 1"] * 9)] * 7), "median"),
    ("prose_cells", add(3, " word" * 120), "words in one piece"),
    ("prose_cells", swap(8, "Look at", "Look " + "very " * 120), "words in one piece"),
    ("size", lambda lesson: setattr(lesson, "size", 1_000_001), "1.00 MB"),
    ("size", with_code(*["a = 1"] * 50), "cells, at most 60"),
    ("size", with_code(""), "empty or raw"),
    ("fillers", add(3, " It is just a sum."), "'just'"),
    ("fillers", add(3, " Obviously so."), "'Obviously'"),
    ("numbers", add(3, " Another one is 0.74."), "0.74"),
    ("images", add(3, " ![a picture of weights](https://example.org/a.png)"), "fetches"),
    ("images", output(4, html('<script src="https://cdn.example/x.js"></script>')), "fetches"),
    ("images", add(3, " <iframe></iframe>"), "'<iframe'"),
    ("table_headers", add(3, "\n\n| | a |\n|---|---|\n| b | c |\n"), "a column without a name in '| | a |'"),
    ("images", add(3, " ![x](images/a.png)"), "at least 3 words"),
    ("images", add(3, ' <img src="images/a.png">'), "<img> needs"),
    ("images", lambda lesson: lesson.cells[3].update(attachments={"a.png": {"image/png": ""}}), "attachment"),
    ("pictures", output(4, picture("image/png", "<Figure size 400x300>")), "fingerprint"),
    ("pictures", output(4, picture("image/svg+xml", "Figure 4x3in " * 5)), "SVG"),
    ("recorded", lambda lesson: lesson.cells[4].update(execution_count=7), "execution counts"),
    ("recorded", output(4, stream("Warning", "stderr")), "stderr"),
    ("recorded", output(4, ERROR), "raised ValueError"),
    ("recorded", output(4, stream("<f at 0x7f00>")), "address"),
    ("recorded", output(6, stream("hello")), "a stub has no output"),
    ("recorded", output(7, stream("✓ softmax: passed")), "Not attempted yet"),
    ("form", lambda lesson: lesson.notebook.metadata.kernelspec.update(name="other"), "python3"),
    ("form", lambda lesson: lesson.notebook.metadata.update(jupytext={}), "jupytext"),
    ("form", lambda lesson: lesson.notebook.metadata.language_info.update(version="3.11.2"), "version"),
    ("form", lambda lesson: lesson.cells[3].metadata.update(collapsed=True), "collapsed"),
    ("form", lambda lesson: lesson.cells[3].update(id="something"), "cell ids"),
    ("cell_tags", lambda lesson: lesson.cells[3].metadata.update(tags=["exercize"]), "exercize"),
    ("cell_tags", lambda lesson: lesson.cells[4].metadata.update(tags=["nbval-ignore-output"]), "assert"),
    ("cell_tags", add(4, "\n# NBVAL_SKIP"), "by tags"),
    ("predictions", untagged(4), "tag it answer"),
    ("predictions", lambda lesson: lesson.cells.__delitem__(4), "without a cell tagged answer"),
    ("predictions", lambda lesson: lesson.cells[4].metadata.update(tags=["neutral"]), "without a cell tagged answer"),
    ("answers", lambda lesson: lesson.cells[3].metadata.update(tags=["answer"]), "should be one fold"),
    ("answers", add(3, f"\n\n<details>\n<summary>{ANSWER}</summary>\n\nIt is 0.73.\n\n</details>"), "needs the tag"),
    ("answers", lambda lesson: lesson.cells[4].metadata.update(tags=["neutral"]), "neutral is for a figure"),
    ("first_line", output(4, stream("0.731")), "shows '0.731' of its folded output"),
    ("first_line", output(4, stream("who wins: True")), "print a line before it"),
    ("first_line", output(4, html("<p>not right</p>")), "markup"),
    ("form", lambda lesson: lesson.cells[4].metadata.pop("collapsed"), "metadata beside"),
    ("minutes", swap(1, "25 minutes", "30 minutes"), "state 25"),
    ("minutes", with_code(*["\n".join(["a = 1"] * 25)] * 17), "at most 90"),
    ("no_notes", add(3, "\n\n*For the lecturer.* Ask."), "speaks to the lecturer"),
    ("no_notes", lambda lesson: lesson.cells[3].metadata.slideshow.update(slide_type="notes"), "to the lecturer"),
    ("teaching_notes", lambda lesson: teaching.notes_of(lesson).unlink(), "there is no"),
    ("teaching_notes", note("## 2.1 Scores", "## 2.7 Scores"), "no heading of the lesson"),
    ("teaching_notes", note("| 2.1 Scores | 2 |", "| 2.1 Scores | 5 |"), "the table says 5"),
    ("teaching_notes", note("| Recap | 1 | x | x |\n", ""), "no row 'Recap'"),
    ("teaching_notes", note("| Recap | 1 |", "| 2.9 | 1 |"), "the lesson has not"),
    ("teaching_notes", note(" x | x |", "  |  |"), "the cut for 50 minutes takes 0"),
    ("plain_python", with_code("from math import *"), "import *"),
    ("plain_python", with_code("input()"), "stops Run All"),
    ("plain_python", with_code("open('/home/me/x')"), "/home/me/x"),
    ("plain_python", with_code("!pip install x"), "not plain Python"),
]


def test_the_small_notebook_keeps_every_rule(good):
    assert complaints(good) == {}


@pytest.mark.parametrize(("rule", "change", "words"), BREAKS, ids=[f"{b[0]}-{b[2]}" for b in BREAKS])
def test_rule_can_fail(good, rule, change, words):
    change(good)
    found = list(RULES[rule](good))
    assert any(words in complaint for complaint in found), found


def test_every_rule_can_fail():
    assert {rule for rule, *_ in BREAKS} == set(RULES)


@pytest.mark.parametrize("text", [
    "just as before", "![a table of weights](images/a.png)", "See Exercise 2.5 and [a page](https://example.org).",
    "```text\n<script>\n```", "$0.999$"])
def test_no_rule_fires_without_need(good, text):
    good.cells[3].source += "\n\n" + text
    number_cells(good.notebook)
    assert complaints(good) == {}

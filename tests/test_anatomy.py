"""Every notebook keeps the rules of its anatomy; test_anatomy_rules.py shows that each rule can fail."""

import re

import nbformat
import pytest
from anatomy import RULES, Lesson
from notebook_parts import LESSONS, NOTEBOOKS, SOURCES, read


def lesson_at(path):
    return Lesson(path.stem, read(path), path.stat().st_size, path.parent)


def test_there_are_notebooks():
    assert LESSONS, "no notebook in notebooks/: nothing is tested"
    readme = (LESSONS[0].parents[1] / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"^\| (\d\d) \| \[", readme, re.MULTILINE)
    assert [path.stem[:2] for path in LESSONS] == linked, "the README links those that are here, in their order"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("rule", RULES)
def test_notebook_keeps_the_rule(path, rule):
    found = list(RULES[rule](lesson_at(path)))
    assert not found, f"{path.name}, rule {rule} ({RULES[rule].__doc__}):\n" + "\n".join(found)


@pytest.mark.parametrize("path", [*NOTEBOOKS, *SOURCES], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_notebook_is_valid(path):
    nbformat.validate(read(path))


def test_setup_is_the_same_everywhere():
    found = {cell.source for path in LESSONS for cell in read(path).cells
             if "setup" in cell.metadata.get("tags", [])}
    assert len(found) == 1, f"the set-up cell should be the same in every notebook, got {sorted(found)}"

"""The README keeps its promises: its table is the folder's, its commands and versions are real."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d\d) \| (.*?) \|", README, re.MULTILINE)


def test_the_table_links_the_notebooks_that_are_here_and_no_others():
    assert [number for number, _ in ROWS] == [f"{number:02}" for number in range(14)]
    linked = {link for _, cell in ROWS for link in re.findall(r"\]\(([^)]+)\)", cell)}
    here = {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    assert linked == here, "link a new notebook in README.md's table, in the row of its number"
    for number, cell in ROWS:
        assert not re.search(rf"notebooks/(?!{number}_)", cell), f"row {number} leads to another notebook"


def test_both_commands_stand_alone_in_blocks():
    assert re.findall(r"^```\n(make \w+)\n```$", README, re.MULTILINE)[:2] == ["make lab", "make test"]


def test_every_make_target_that_is_named_is_there():
    targets = set(re.findall(r"^([\w-]+): ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", README)) <= targets


def test_versions_and_extras_are_those_of_pyproject():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    first, end = map(int, re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups())
    *others, last = (f"3.{minor}" for minor in range(first, end))
    assert f"With Python {', '.join(others)} or {last}" in README
    extras = {extra for group in re.findall(r'-e "\.\[([\w,]+)\]"', README) for extra in group.split(",")}
    assert extras <= set(project["optional-dependencies"])
    assert set(project["scripts"]) == {"attention-course"}


def test_the_picture_is_told_as_it_is_and_answers_no_question_of_the_first_lesson():
    import readme_picture

    assert f"![{readme_picture.alternative_text()}](notebooks/images/attention.png)" in README
    first = (ROOT / "notebooks" / "00_start.ipynb").read_text(encoding="utf-8")
    for token in readme_picture.weights()[0][1:-2]:
        assert len(token) < 3 or not re.search(rf"\*{token}\*", first), f"the first lesson speaks of *{token}*"

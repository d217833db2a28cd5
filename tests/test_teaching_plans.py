"""The plans in docs/teaching/README.md: their parts are there, and they add up to what they promise."""

import re

import pytest

from course_utils.classroom.pages import teaching
from course_utils.classroom.pages.slides import lessons

GUIDE = (teaching.NOTES / "README.md").read_text(encoding="utf-8")
MINUTES = {path.stem[:2]: teaching.rows((teaching.NOTES / f"{path.stem}.md").read_text(encoding="utf-8"))
           for path in lessons()}


WEEKS = [[cell.strip() for cell in row.split("|")[1:4]] for row in re.findall(r"^\| \d \|.*$", GUIDE, re.MULTILINE)]


def plans():
    """(title, minutes, [(lesson, part), ...]) for each lecture that the guide plans."""
    single = GUIDE.split("## One lecture")[1].split("## Three lectures")
    yield pytest.param(50, parts_of(single[0]), id="one")
    for title, text in re.findall(r"\*\*(\d\. .*?)\*\*(.*?)(?=\*\*\d\. |\n## )", single[1], re.DOTALL):
        yield pytest.param(90, parts_of(text), id=title)


def parts_of(text):
    return [(lesson, part.strip()) for lesson, row in re.findall(r"^\| (\d\d) \| (.*?) \|$", text, re.MULTILINE)
            for part in row.split(",")]


@pytest.mark.parametrize(("minutes", "parts"), list(plans()))
def test_a_lecture_fits_into_its_time_and_fills_it(minutes, parts):
    assert parts
    taken = sum(MINUTES[lesson][part][0] for lesson, part in parts)
    assert 0.8 * minutes <= taken <= minutes


def test_there_are_four_lectures_and_six_weeks():
    assert len(list(plans())) == 4
    assert [week for week, _, _ in WEEKS] == list("123456")
    named = [lesson for _, row, _ in WEEKS for lesson in re.findall(r"\d\d", row)]
    assert named == sorted(MINUTES)[:len(named)]
    assert [name for _, _, homework in WEEKS for name in re.findall(r"hw\d", homework)] == ["hw1", "hw2", "hw3", "hw4"]


def test_no_homework_comes_before_the_lessons_it_needs():
    seen, sources = set(), teaching.NOTES / "homework"
    for _, row, homework in WEEKS:
        seen |= {int(lesson) for lesson in re.findall(r"\d\d", row)}
        for name in re.findall(r"hw\d", homework):
            (source,) = sources.glob(f"{name}_*.ipynb")
            needs = re.search(r"\*\*You need\*\* notebooks? ([^.]*)", source.read_text(encoding="utf-8"))[1]
            assert {int(number) for number in re.findall(r"\d+", needs)} <= seen, name

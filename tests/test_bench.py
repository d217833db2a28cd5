"""The benchmark: its verdicts, its two forms, and that it measures what it says.

`-m slow` holds this machine to the bars."""

import argparse
import json
import time

import pytest

from course_utils import exercises
from course_utils.classroom.bench import live_figures, promises
from course_utils.classroom.bench.promises import Figure
from course_utils.learner.journal import journal_path


def arguments(*given):
    parser = argparse.ArgumentParser()
    promises.add_arguments(parser)
    return parser.parse_args(given)


@pytest.mark.parametrize(("value", "bar", "holds"), [(25, "<= 25", True), (25.1, "<= 25", False), (30, ">= 30", True),
                                                     (29, ">= 30", False), (None, "<= 25", False)])
def test_a_figure_keeps_to_its_bar_or_not(value, bar, holds):
    assert Figure("x", value, "ms", bar).holds is holds


def test_json_is_one_list_of_objects(monkeypatch, capsys):
    figures = [Figure("a", 1.0, "s", "<= 2"), Figure("b", 3.0, "s", "<= 2")]
    monkeypatch.setattr(promises, "measure", lambda parts: figures)
    assert promises.run(arguments("--json")) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"figure": "a", "value": 1.0, "unit": "s", "bar": "<= 2", "holds": True},
        {"figure": "b", "value": 3.0, "unit": "s", "bar": "<= 2", "holds": False}]


def test_the_table_names_what_was_missed(monkeypatch, capsys):
    figures = [Figure("a", 3.0, "s", "<= 2"), Figure("long", None, "s", "<= 2")]
    monkeypatch.setattr(promises, "measure", lambda parts: figures)
    assert promises.run(arguments()) == 1
    assert capsys.readouterr().out == "a              3 s  bar <= 2  MISSED\nlong  not measured  bar <= 2  MISSED\n"


def test_all_is_well_when_every_bar_holds(monkeypatch):
    monkeypatch.setattr(promises, "measure", lambda parts: [Figure("a", 1.0, "s", "<= 2")])
    assert promises.run(arguments()) == 0


def test_parts_can_be_chosen(monkeypatch):
    chosen = []
    monkeypatch.setattr(promises, "measure", lambda parts: chosen.append(parts) or [Figure("a", 1.0, "s", "<= 2")])
    promises.run(arguments("--part", "import", "--part", "checks"))
    promises.run(arguments())
    assert chosen == [["import", "checks"], promises.PARTS]


def test_import_is_measured_beyond_the_interpreter():
    (figure,) = promises.measure_import(repeats=3)
    assert (figure.unit, figure.bar) == ("ms", "<= 50")
    assert figure.value < 100  # NumPy alone would take more; the bar itself is for a quiet machine


def test_checks_are_timed_as_the_first_of_a_session(monkeypatch):
    """What the checker remembers is forgotten before each, and the learner's own record stays untouched."""
    exercise = exercises.find("softmax")
    before = journal_path()
    remembered = []
    real = promises._time_check

    def spy(each, answer):
        each.memory["marker"] = True
        taken = real(each, answer)
        remembered.append("marker" in each.memory)
        assert journal_path() != before
        return taken

    monkeypatch.setattr(promises, "_time_check", spy)
    right, wrong = promises.measure_checks([exercise])
    assert journal_path() == before
    assert remembered == [False] * (2 + len(exercise.mistakes))
    assert right.figure == "check() on a right answer, slowest (softmax)"
    assert (right.bar, wrong.bar) == ("<= 0.3", "<= 1")
    assert 0 < right.value < 5
    assert 0 < wrong.value < 20


def test_a_slow_answer_is_measured_as_slow():
    exercise = exercises.find("softmax")

    def slow(x, axis=-1):
        time.sleep(0.05)
        return exercise.reference(x, axis)

    assert promises._time_check(exercise, slow) > 0.05


def test_the_answer_that_no_mistake_explains_is_wrong_and_unexplained():
    from course_utils.checks import diagnose

    for exercise in exercises.all_exercises():
        verdict = diagnose(exercise, promises._unexplained(exercise.reference))
        assert not verdict.passed, exercise.name


def test_figures_are_reported_for_every_size(monkeypatch):
    found = {"latency": {T: (10.0, 200.0) for T in live_figures.SIZES},
             "frames": {T: 60.0 for T in live_figures.SIZES}, "first": 400.0}
    monkeypatch.setattr(live_figures, "measure_figures", lambda: found)
    figures = promises.measure_figures()
    assert len(figures) == 3 * len(live_figures.SIZES) + 1
    assert [f.value for f in figures[:3]] == [10.0, 60.0, 20.0]
    assert figures[-1].value == 0.4
    assert all(figure.holds for figure in figures)


@pytest.mark.browser
@pytest.mark.parametrize("delay", [0, 500])
def test_the_clock_stops_when_pixels_have_changed(delay):
    """The probe, on a page of our own: a picture that changes `delay` ms after the key."""
    from course_utils.classroom.lab.driver import chromium, new_context

    with chromium() as browser:
        page = new_context(browser).new_page()
        page.set_content("<div id=area tabindex=0><canvas width=400 height=400></canvas></div>")
        page.evaluate("""delay => { const area = document.getElementById('area');
            const brush = area.firstChild.getContext('2d'); let n = 0; brush.fillRect(0, 0, 400, 400);
            area.addEventListener('keydown', () => setTimeout(() => {
                brush.fillStyle = `hsl(${n += 40} 90% 50%)`; brush.fillRect(50, 50, 300, 300); }, delay)); }""", delay)
        page.evaluate(f"given => {{ window.times = ({live_figures._MEASURE})(given); }}", ["#area", "canvas", 5])
        page.focus("#area")
        for n in range(5):
            page.keyboard.press("a")
            page.wait_for_function("n => window.courseAnswered > n", arg=n)
        times = page.evaluate("() => window.times")
        assert len(times) == 5
        assert delay <= min(times)
        assert sorted(times)[2] < delay + 400

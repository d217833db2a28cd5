"""Every figure the course promises, measured on this machine and put beside its bar.

    python -m course_utils bench [--json] [--part figures] [--part checks] [--part import] [--part grading]

A busy machine makes everything slower: measure on a quiet one.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

PARTS = ("import", "checks", "figures")
# only when asked for: they take long, and the first needs nbgrader to compare with
MORE = ("grading", "many", "memory")
# MiB, for lessons 00 to 03, 04 to 08, 09 to 12, and 13. At 7cef92b, measured in the same way, 00 and 02 took 115 and
# 118, 05 and 08 took 382 and 366 (06 and 07 were not measured).
_NUMPY, _TORCH, _MODELS, _PRETRAINED = 125, 450, 500, 1200
_HOMEWORK = Path(__file__).resolve().parents[3] / "docs" / "teaching" / "homework" / "hw4_long_sequences.ipynb"


@dataclass(frozen=True)
class Figure:
    """One promise: what was measured, its bar, and whether it holds.

    Attributes
    ----------
    figure : str
        What is promised, in words.
    value : float or None
        What was measured; None where it could not be.
    unit : str
        Of `value` and of the bar.
    bar : str
        ``"<= 25"`` or ``">= 30"``.
    holds : bool
        Whether the value keeps to the bar.
    """

    figure: str
    value: float | None
    unit: str
    bar: str
    holds: bool = field(init=False)

    def __post_init__(self):
        sign, number = self.bar.split()
        kept = self.value is not None and (
            self.value <= float(number) if sign == "<=" else self.value >= float(number))
        object.__setattr__(self, "holds", bool(kept))


def measure_import(repeats=15):
    """Time ``import course_utils`` beyond the interpreter's own start.

    Parameters
    ----------
    repeats : int
        Pairs of processes; the median is taken of each kind.

    Returns
    -------
    list of Figure
        One figure.
    """
    def start(code):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[3])
        return 1000 * (time.perf_counter() - began)

    for code in ("pass", "import course_utils"):  # the first of each reads from the disk what later ones find in memory
        start(code)
    pairs = [(start("pass"), start("import course_utils")) for _ in range(repeats)]
    bare, full = (statistics.median(times) for times in zip(*pairs, strict=True))
    return [Figure("import course_utils, beyond the interpreter's start", round(full - bare, 1), "ms", "<= 50")]


def measure_checks(exercises=None):
    """Time ``check`` on every exercise's right answer and on all of its wrong ones, each as the first of a session.

    Parameters
    ----------
    exercises : sequence of Exercise, optional
        Which; all of the course if left out.

    Returns
    -------
    list of Figure
        The slowest right answer and the slowest wrong one.
    """
    import torch  # noqa: F401  a notebook whose exercises need it has loaded it in its own first cells

    from course_utils.exercises import all_exercises

    exercises = all_exercises() if exercises is None else exercises
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("COURSE_PROGRESS")
        os.environ["COURSE_PROGRESS"] = str(Path(folder) / "progress.jsonl")
        try:
            right = max((_time_check(each, each.reference), each.name) for each in exercises)
            wrong = max((_time_check(each, answer), f"{each.name}: {name}")
                        for each in exercises for name, answer in _wrong_answers(each))
        finally:
            if before is None:
                del os.environ["COURSE_PROGRESS"]
            else:
                os.environ["COURSE_PROGRESS"] = before
    return [Figure(f"check() on a right answer, slowest ({right[1]})", round(right[0], 3), "s", "<= 0.3"),
            Figure(f"check() on a wrong answer, slowest ({wrong[1]})", round(wrong[0], 3), "s", "<= 1")]


def _time_check(exercise, answer):
    from course_utils.learner.calls import check

    for known in (exercise.memory, exercise.outcomes):  # what an earlier check found out would flatter this one
        known.clear()
    began = time.perf_counter()
    str(check(exercise.name, answer))
    return time.perf_counter() - began


def _wrong_answers(exercise):
    yield from ((mistake.name, exercise.wrong_answer(mistake)) for mistake in exercise.mistakes)
    yield "one that no known mistake explains", _unexplained(exercise.reference)


def _unexplained(function):
    """Change what a function returns a little: the checker tries every mistake and every pair of them in vain."""
    def spoil(result):
        return tuple(map(spoil, result)) if isinstance(result, tuple) else result * 1.0625 + 0.03125

    def answer(*args, **kwargs):
        return spoil(function(*args, **kwargs))

    return answer


def measure_figures():
    """Measure the live figures in a real JupyterLab.

    Returns
    -------
    list of Figure
        For each number of tokens the latency, the pictures a second, and how many times faster than
        ``interact`` with matplotlib that is; and the first paint with 512 tokens.
    """
    from course_utils.classroom.bench import live_figures

    found, figures = live_figures.measure_figures(), []
    for T in live_figures.SIZES:
        live, still = found["latency"][T]
        figures += [Figure(f"slider to painted pixels, T = {T}, median", round(live, 1), "ms", "<= 16.7"),
                    Figure(f"pictures in a drag, T = {T}", round(found["frames"][T], 1), "a second",
                           ">= 55" if T < 512 else ">= 50"),
                    Figure(f"faster than interact with matplotlib ({still:.0f} ms), T = {T}",
                           round(still / live, 1), "times", ">= 8")]
    first = round(found["first"] / 1000, 2)
    return [*figures, Figure("first paint, T = 512, from running the cell", first, "s", "<= 1")]


def measure_grading():
    """Grade a class, and a part of it with nbgrader.

    Returns
    -------
    list of Figure
    """
    from course_utils.classroom.bench import class_grading

    found, whole = class_grading.measure(_HOMEWORK), class_grading.measure_class(_HOMEWORK)

    def beside(what, found, bar):
        each = f"{1000 * found['ours']:.0f} ms of a processor a submission, nbgrader {found['nbgrader']:.2f} s"
        return Figure(f"{what}: {each}", round(found["nbgrader"] / found["ours"], 1), "times", bar)

    return [beside("every exercise answered, nothing else changed", found, ">= 60"),
            beside("a class, a fifth to be run whole", whole, ">= 10"),
            Figure(f"two workers beside one ({found['one']:.1f} s; without the start {found['pace']:.2f} times)",
                   round(found["gain"], 2), "times", ">= 1.7"),
            Figure(f"{class_grading.CLASS} submissions of a class on two workers", round(whole["two"], 1), "s",
                   "<= 60"),
            Figure(f"memory for {class_grading.CLASS} submissions beside {class_grading.FEW}",
                   round(found["memory"], 2), "times", "<= 1.2")]


def measure_many():
    """Grade a very large class beside one of the usual size.

    Returns
    -------
    list of Figure
    """
    from course_utils.classroom.bench import class_grading

    found = class_grading.measure_many(_HOMEWORK)
    name = f"{class_grading.MANY} submissions beside {class_grading.CLASS}"
    each = f"{1000 * found['each']:.0f} ms of a processor each; by the clock {found['seconds']:.2f} times"
    return [Figure(f"{name}: time of one ({each})", round(found["cpu"], 2), "times", "<= 1.15"),
            Figure(f"{name}: memory", round(found["memory"], 2), "times", "<= 1.1")]


def measure_memory():
    """Run every lesson and take its kernel's peak memory: a place on a hub must hold it.

    Returns
    -------
    list of Figure
        One a lesson, in MiB.
    """
    from course_utils.classroom.bench import memory

    def bar(number):
        return _NUMPY if number < 4 else _TORCH if number < 9 else _MODELS if number < 13 else _PRETRAINED

    lessons = sorted((Path(__file__).resolve().parents[3] / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    return [Figure(f"peak memory of the kernel, {path.stem}", round(memory.peak(path)), "MiB",
                   f"<= {bar(int(path.stem[:2]))}") for path in lessons]


def measure(parts=PARTS):
    """Measure the named parts.

    Parameters
    ----------
    parts : sequence of {"import", "checks", "figures", "grading", "many"}
        What to measure.

    Returns
    -------
    list of Figure
        In the order of the parts.
    """
    ways = {"import": measure_import, "checks": measure_checks, "figures": measure_figures,
            "grading": measure_grading, "many": measure_many, "memory": measure_memory}
    return [figure for part in parts for figure in ways[part]()]


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of a table")
    parser.add_argument("--part", action="append", choices=PARTS + MORE, help="only this part (may be repeated)")


def run(args):
    """Measure and print; returns 0 when every bar holds, else 1."""
    load, cores = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0, os.cpu_count() or 1
    if load > cores:
        print(f"This machine is busy (load {load:.1f} on {cores} cores): what follows is slower than it need be.",
              file=sys.stderr)
    figures = measure(args.part or PARTS)
    if args.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=1))
    else:
        print(table(figures))
    return 0 if all(figure.holds for figure in figures) else 1


def table(figures):
    """Lay figures out as text, one a line.

    Parameters
    ----------
    figures : sequence of Figure
        What was measured.

    Returns
    -------
    str
        Columns: the figure, its value and unit, its bar, and whether it holds.

    Examples
    --------
    >>> print(table([Figure("first paint", 0.4, "s", "<= 1")]))
    first paint  0.4 s  bar <= 1  holds
    """
    width = max(len(figure.figure) for figure in figures)
    values = ["not measured" if figure.value is None else f"{figure.value:g} {figure.unit}" for figure in figures]
    wide = max(map(len, values))
    verdicts = ["holds" if figure.holds else "MISSED" for figure in figures]
    return "\n".join(f"{figure.figure:<{width}}  {value:>{wide}}  bar {figure.bar}  {verdict}"
                     for figure, value, verdict in zip(figures, values, verdicts, strict=True))

"""How fast a class is graded, beside nbgrader's own autograde on the same submissions in the same run.

Both are whole commands in processes of their own; what counts is the processor time of all that they started, and
the memory of the largest process among them.
nbgrader is run on two lots of different size: the difference is what a submission costs without the start of the
command, which the course's grader is not spared.
"""

from __future__ import annotations

import copy
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import nbformat

CLASS, FEW, MANY, TURNS = 300, 60, 10_000, 5
"""Submissions of a class, of a part of it and of a very large one; how often ours is run: machines are uneven."""

# What is handed in, in turn. "wrong": an exercise is wrong in a way that no mistake of the bank explains, the slowest
# kind to judge. "left": an exercise is as it was given out. "whole": the notebook has to be run for an answer, in one
# of the ways of `_WHOLE`.
THIRDS = ("right", "left", "wrong")
ANSWERED = ("right", "right", "wrong")
COMPOSITION = ("right", "whole", "right", "wrong", "right", "left", "whole", "right", "wrong", "right")
_OFF = """
_right = {name}
def {name}(*args, **kwargs):
    off = lambda x: type(x)(map(off, x)) if isinstance(x, (tuple, list)) else x * 1.0625 + 0.03125
    return off(_right(*args, **kwargs))
"""
_HELPED = """
_mine = {name}
def {name}(*args, **kwargs):
    return same(_mine(*args, **kwargs))
"""


def _helper(cells, at, code, name):
    """A helper in a cell of its own."""
    cells[at].source = code + _HELPED.format(name=name)
    cells.insert(at, nbformat.v4.new_code_cell("def same(x):\n    return x"))


def _added(cells, at, code, name):
    """The answer in an added cell, its own left as it was given."""
    cells.insert(at + 1, nbformat.v4.new_code_cell(code))


def _syntax(cells, at, code, name):
    """A line of IPython's in the answer's cell."""
    cells[at].source = f"%time started = 0\n{code}"


def _trial(cells, at, code, name):
    """A trial in a cell of its own, beside a wrong answer."""
    cells[at].source = code + _OFF.format(name=name)
    cells.insert(at + 1, nbformat.v4.new_code_cell(f"print({name}.__doc__)\nassert {name} is None"))


# Not among them: a cell that was split in two, both with the id. nbgrader does not grade such a notebook.
_WHOLE = (_helper, _added, _syntax, _trial)


class Lot(NamedTuple):
    """What nbgrader is measured on: submissions that it grades in two runs; the difference leaves its start out."""

    few: int
    more: int


def measure(source, number=CLASS, turns=TURNS):
    """Grade a class whose exercises are all answered and nothing else changed.

    Parameters
    ----------
    source : path-like
        The source notebook.
    number : int
        Submissions for the course's grader.
    turns : int

    Returns
    -------
    dict
        ``"ours"`` and ``"nbgrader"``: processor seconds a submission; ``"one"`` and ``"two"``: seconds by the clock
        for all submissions on one worker and on two, the start included; ``"gain"``: one beside two in the same turn,
        and ``"pace"`` without the start, from the difference to a few submissions; ``"memory"``: the largest process
        for all submissions beside that for a few. Ours are medians of the turns.
    """
    source = Path(source).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        hand_in(source, folder / "class", number, ANSWERED)
        hand_in(source, folder / "few", FEW, ANSWERED)
        found = []
        for _ in range(turns):
            one, two, few_on_one, few_on_two = (grade(source, folder, lot, jobs)
                                                for lot in ("class", "few") for jobs in (1, 2))
            found.append({"ours": one.cpu / number, "one": one.seconds, "two": two.seconds,
                          "gain": one.seconds / two.seconds, "memory": one.memory / few_on_one.memory,
                          "pace": (one.seconds - few_on_one.seconds) / (two.seconds - few_on_two.seconds)})
        found = {name: statistics.median(turn[name] for turn in found) for name in found[0]}
        if len({(folder / f"class{jobs}" / "gradebook.csv").read_bytes() for jobs in (1, 2)}) > 1:
            raise RuntimeError("two workers gave other points than one")
        return {**found, "nbgrader": _nbgrader_each(source, folder, ANSWERED, Lot(2, 8))}


def measure_class(source, number=CLASS, turns=TURNS):
    """Grade a class as `COMPOSITION` says: in a fifth of the submissions the notebook has to be run.

    Returns
    -------
    dict
        As of `measure`: ``"ours"``, ``"nbgrader"`` and ``"two"``.
    """
    source = Path(source).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        hand_in(source, folder / "class", number, COMPOSITION)
        runs = [grade(source, folder, "class", 2) for _ in range(turns)]
        period = len(COMPOSITION)
        return {"ours": statistics.median(run.cpu for run in runs) / number,
                "two": statistics.median(run.seconds for run in runs),
                "nbgrader": _nbgrader_each(source, folder, COMPOSITION, Lot(2, 2 + 2 * period))}


def measure_many(source, number=MANY):
    """Grade a very large class on two workers, beside a class of the usual size and the same composition.

    Returns
    -------
    dict
        ``"seconds"`` and ``"cpu"``: for one submission, by the clock and of processors, in the large class beside the
        usual one, the start of the command left out of both; ``"memory"``: the largest process, likewise; ``"each"``:
        processor seconds a submission of the large class.
    """
    source = Path(source).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for lot, size in (("few", FEW), ("class", CLASS), ("many", number)):
            hand_in(source, folder / lot, size, COMPOSITION)
        few, usual, many = (grade(source, folder, lot, 2) for lot in ("few", "class", "many"))

    def pace(of):
        return (of(many) - of(usual)) / (number - CLASS) / ((of(usual) - of(few)) / (CLASS - FEW))

    return {"seconds": pace(lambda run: run.seconds), "cpu": pace(lambda run: run.cpu),
            "memory": many.memory / usual.memory, "each": many.cpu / number}


def grade(source, folder, lot, jobs):
    """Grade one lot with the course's command.

    Returns
    -------
    Cost
    """
    return _run(["-m", "course_utils", "homework", "grade", source, folder / lot, folder / f"{lot}{jobs}",
                 "--jobs", jobs, "--regrade"], _ROOT)


_ROOT = Path(__file__).resolve().parents[3]
_NBGRADER = "import sys; from nbgrader.apps import NbGraderApp; sys.argv[0] = 'nbgrader'; NbGraderApp.launch_instance()"


def _released(source):
    with tempfile.TemporaryDirectory() as folder:
        _run(["-m", "course_utils", "homework", "release", Path(source).resolve(), folder], _ROOT)
        return nbformat.read(Path(folder) / Path(source).name, as_version=4)


def solutions(source):
    """The answers that stand in a source notebook: grade_id -> code."""
    found = {}
    for cell in nbformat.read(source, as_version=4).cells:
        mark = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and mark.get("solution") and not mark.get("grade"):
            found[mark["grade_id"]] = "\n".join(line for line in cell.source.split("\n")
                                                if line.strip() not in ("### BEGIN SOLUTION", "### END SOLUTION"))
    return found


def _nbgrader_each(source, folder, kinds, lot):
    """Processor seconds of nbgrader for one submission."""
    costs = [nbgrader(source, folder / f"course{number}", number, kinds) for number in lot]
    return (costs[1] - costs[0]) / (lot.more - lot.few)


def nbgrader(source, course, number, kinds=THIRDS):
    """Release an assignment with nbgrader, hand the first submissions in and grade them with its own autograde.

    Parameters
    ----------
    source : path-like
        The source notebook.
    course : path-like
        A folder for nbgrader's, made new.
    number : int
        Submissions.
    kinds : sequence of str
        As `THIRDS`.

    Returns
    -------
    float
        Processor seconds of the grading.
    """
    (course / "source" / source.stem).mkdir(parents=True)
    shutil.copy(source, course / "source" / source.stem)
    (course / "nbgrader_config.py").write_text(f"get_config().CourseDirectory.course_id = {course.name!r}\n",
                                               encoding="utf-8")
    _run(["-c", _NBGRADER, "generate_assignment", source.stem], course)
    hand_in(source, course / "submitted", number, kinds, f"{{student}}/{source.stem}/{source.name}")
    return _run(["-c", _NBGRADER, "autograde", source.stem], course).cpu


def hand_in(source, folder, number, kinds, place="{student}.ipynb"):
    """Write submissions of these kinds in turn, each on the next exercise when all kinds were there.

    Parameters
    ----------
    source, folder : path-like
    number : int
    kinds : sequence of str
        Some of "right", "left", "wrong", "whole".
    place : str
    """
    given, answers = _released(source), solutions(source)
    names, made = list(answers), {}
    for n in range(number):
        kind, turn = kinds[n % len(kinds)], n // len(kinds)
        nth = turn * kinds.count(kind) + kinds[:n % len(kinds)].count(kind)  # of its kind
        which = kind, names[turn % len(names)], nth % len(_WHOLE) if kind == "whole" else 0
        if which not in made:
            made[which] = nbformat.writes(_notebook(given, answers, *which))
        path = Path(folder) / place.format(student=f"s{n:05}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[which], encoding="utf-8")


def _notebook(given, answers, kind, chosen, way):
    notebook = copy.deepcopy(given)
    at = {cell.metadata.get("nbgrader", {}).get("grade_id"): i for i, cell in enumerate(notebook.cells)}
    for name, code in answers.items():
        if name == chosen and kind in ("left", "whole"):
            continue
        notebook.cells[at[name]].source = code + (_OFF.format(name=name.replace("-", "_"))
                                                  if name == chosen and kind == "wrong" else "")
    if kind == "whole":
        _WHOLE[way](notebook.cells, at[chosen], answers[chosen], chosen.replace("-", "_"))
    return notebook


class Cost(NamedTuple):
    """Seconds by the clock; of all processes together processor seconds, and MB of the largest."""

    seconds: float
    cpu: float
    memory: float


def _run(command, folder):
    """Run one command and give its cost."""
    python = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader calls alembic by name
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([sys.executable, *map(str, command)], cwd=folder, stdout=said, stderr=said,
                                   env={**os.environ, "PATH": python, "PYTHONPATH": str(_ROOT),
                                        "OMP_NUM_THREADS": "1", "JUPYTER_PREFER_ENV_PATH": "1"})
        _, status, usage = os.wait4(process.pid, 0)
        seconds, process.returncode = time.perf_counter() - began, os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):  # 1: something needs a person's eyes
            said.seek(0)
            raise RuntimeError(f"{command[:3]} ended with {process.returncode}: {said.read()[-2000:]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)

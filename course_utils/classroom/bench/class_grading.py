"""How fast a class is graded, beside nbgrader's own autograde on the same submissions in the same run.

Both are whole commands in processes of their own; what counts is the processor time of all that they started, and
the memory of the largest process among them.
nbgrader is run on two lots of different size: the difference is what a submission costs without the start of the
command, which the course's grader is not spared.
"""

from __future__ import annotations

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

CLASS, FEW, LOTS, TURNS = 300, 60, (2, 8), 5
"""Submissions for the course's grader, a part of them, and nbgrader's two lots; how often ours is run: machines are
uneven."""

# A third of the class is right, a third left one exercise as it was, a third is wrong in a way that no mistake of the
# bank explains: the slowest kind to grade.
_OFF = """
_right = {name}
def {name}(*args, **kwargs):
    off = lambda x: type(x)(map(off, x)) if isinstance(x, (tuple, list)) else x * 1.0625 + 0.03125
    return off(_right(*args, **kwargs))
"""


def measure(source, number=CLASS, lots=LOTS):
    """Grade copies of an assignment's own solutions, whole and spoilt.

    Parameters
    ----------
    source : path-like
        The source notebook.
    number : int
        Submissions for the course's grader.
    lots : pair of int
        Submissions for nbgrader.

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
        _hand_in(source, folder / "class", number, "{student}.ipynb")
        _hand_in(source, folder / "few", FEW, "{student}.ipynb")

        def grade(lot, jobs):
            return _run(["-m", "course_utils", "homework", "grade", source, folder / lot, folder / f"{lot}{jobs}",
                         "--jobs", jobs, "--regrade"], _ROOT)

        turns = []
        for _ in range(TURNS):
            one, two, few_on_one, few_on_two = grade("class", 1), grade("class", 2), grade("few", 1), grade("few", 2)
            turns.append({"ours": one.cpu / number, "one": one.seconds, "two": two.seconds,
                          "gain": one.seconds / two.seconds, "memory": one.memory / few_on_one.memory,
                          "pace": (one.seconds - few_on_one.seconds) / (two.seconds - few_on_two.seconds)})
        found = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
        if len({(folder / f"class{jobs}" / "gradebook.csv").read_bytes() for jobs in (1, 2)}) > 1:
            raise RuntimeError("two workers gave other points than one")
        costs = [nbgrader(source, folder / f"course{lot}", lot) for lot in lots]
        found["nbgrader"] = (costs[1] - costs[0]) / (lots[1] - lots[0])
    return found


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


def nbgrader(source, course, number):
    """Release an assignment with nbgrader, hand the first submissions in and grade them with its own autograde.

    Parameters
    ----------
    source : path-like
        The source notebook.
    course : path-like
        A folder for nbgrader's, made new.
    number : int
        Submissions.

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
    _hand_in(source, course / "submitted", number, f"{{student}}/{source.stem}/{source.name}")
    return _run(["-c", _NBGRADER, "autograde", source.stem], course).cpu


def _hand_in(source, folder, number, place):
    given, answers = _released(source), solutions(source)
    names = list(answers)
    for n in range(number):
        kind, chosen = n % 3, names[n // 3 % len(names)]
        for cell in given.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in answers and not (name == chosen and kind == 1):
                spoilt = name == chosen and kind == 2
                cell.source = answers[name] + spoilt * _OFF.format(name=name.replace("-", "_"))
            elif name in answers:
                cell.source = "raise NotImplementedError()"
        path = folder / place.format(student=f"s{n:03}")
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(given, path)


class _Cost(NamedTuple):
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
    return _Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)

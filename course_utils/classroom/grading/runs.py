"""A grading run: many submissions, several workers, and a folder of records that a killed run finds again."""

import gc
import hashlib
import importlib
import json
import math
import multiprocessing
import os
import queue
import re
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from course_utils.checks import rehearse, sandbox
from course_utils.classroom.grading.child import processors
from course_utils.classroom.grading.forks import Nursery, Zygote
from course_utils.classroom.grading.marking import mark, missing
from course_utils.classroom.grading.notebooks import Unreadable

__all__ = ["Run", "file_name", "grade", "records_in", "write_atomically"]

_VERSION = 1  # of the records; a change makes old ones be graded again


@dataclass(frozen=True)
class Run:
    """What a run did.

    Attributes
    ----------
    records : list of dict
        One for each student, by id.
    graded, kept : int
        How many were graded now, and how many were there from a run before.
    fences : tuple of str
        What stood between answers and this machine.
    """

    records: list
    graded: int
    kept: int
    fences: tuple = ()


def grade(assignment, submissions, folder, *, jobs=1, due=None, roster=(), limits=None, hidden=(), how=None,
          nursery=None, tell=None, regrade=False):
    """Grade submissions and keep one record a student in a folder.

    Parameters
    ----------
    assignment : Assignment
    submissions : sequence of Submission
    folder : path-like
        For the records. What is there already and still fits is not graded again.
    jobs : int
        Number of workers.
    due : float, optional
        Deadline in seconds since 1970.
    roster : sequence of str
        Students who are expected; who handed nothing in gets the state "missing".
    limits : Limits, optional
    hidden : sequence of path
        Folders that answers must not read.
    how : str, optional
        As in `Nursery`.
    nursery : Nursery, optional
        One that was started early and has `jobs` zygotes to give; one is started if left out.
    tell : callable, optional
        ``tell(done, total, seconds_left)`` after each.
    regrade : bool
        Whether to grade again what is there.

    Returns
    -------
    Run
        The same records for any number of jobs and in any order.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    todo, records = [], {}
    for submission in submissions:
        data = _data(submission)
        key = _key(assignment, submission, data, due)
        kept = None if regrade else _kept(folder, submission.student, key)
        if kept is None:
            todo.append((submission, key))
        else:
            records[submission.student] = kept
        del data
    for student in sorted(set(roster) - {submission.student for submission in submissions}):
        records[student] = {**missing(assignment, student), "file": "", "late_days": 0}
        _keep(folder, student, "", records[student])
    kept_count = sum(submission.student in records for submission in submissions)
    settings = {"limits": limits, "hidden": [*hidden, folder], "allowed": assignment.allowed,
                "given": assignment.given}
    fences = ()
    if todo:
        sandbox.CALL_LIMIT = 30.0  # the judge runs the course's own functions only; a busy machine is no mistake
        began = time.monotonic()
        jobs = min(jobs, len(todo))
        arrivals = _in_turn if jobs <= 1 else _side_by_side
        with nursery or Nursery(jobs, how) as nursery:
            for student, record, stood in arrivals(assignment, todo, folder, due, settings, nursery, jobs):
                records[student], fences = record, stood
                done = len(todo) - sum(submission.student not in records for submission, _ in todo)
                if tell:
                    tell(done, len(todo), (time.monotonic() - began) / done * (len(todo) - done))
    return Run([records[student] for student in sorted(records)], len(todo), kept_count, fences)


def _in_turn(assignment, todo, folder, due, settings, nursery, jobs=1):
    with Zygote(**settings, nursery=nursery, wait=False) as zygote:
        _while_it_comes_up(assignment, zygote)
        zygote.greet()
        for submission, key in todo:
            yield submission.student, _mark_and_keep(assignment, submission, key, folder, due, zygote), zygote.fences


def _side_by_side(assignment, todo, folder, due, settings, nursery, jobs):
    """Several judges, each with a zygote of its own; what one of them leaves undone by dying is done here."""
    if not sys.platform.startswith("linux"):  # exercises hold functions, which only a fork takes along
        yield from _in_turn(assignment, todo, folder, due, settings, nursery)
        return
    zygotes = [Zygote(**settings, nursery=nursery, wait=False, processor=i) for i in range(jobs)]
    _while_it_comes_up(assignment, zygotes[0])  # what is done here is done for all workers
    context = multiprocessing.get_context("fork")
    tasks, done = context.Queue(), context.Queue()
    for number in [*range(len(todo)), *[None] * jobs]:  # None: there is no more
        tasks.put(number)
    arguments = (assignment, todo, folder, due, zygotes, tasks, done, os.getpid())
    workers = [context.Process(target=_work, args=(i, *arguments), daemon=True) for i in range(jobs)]
    for worker in workers:
        worker.start()
    for zygote in zygotes:  # each belongs to its worker now, and ends with it
        zygote.close()
    left = set(range(len(todo)))
    try:
        while left:
            try:
                number, record, fences = done.get(timeout=0.2)
            except queue.Empty:
                if any(worker.is_alive() for worker in workers):
                    continue
                # Every worker is gone: what is left is done here, so that an error comes out where it is seen.
                rest = [todo[number] for number in sorted(left)]
                with Nursery(how=nursery.how) as another:
                    yield from _in_turn(assignment, rest, folder, due, settings, another)
                return
            left.remove(number)
            yield todo[number][0].student, record, fences
    finally:
        for worker in workers:
            worker.join(10 if not left else 0)
            worker.terminate()
            worker.join()


def _while_it_comes_up(assignment, zygote):
    """Import what judging needs, and use what time is left then."""
    gc.disable()  # what is imported stays: there is no need to look through it for garbage, now or later
    if any(exercise.arrays == "torch" for exercise in assignment.exercises):
        importlib.import_module("torch.fx.experimental.symbolic_shapes")  # for going backward
    gc.freeze()
    gc.enable()
    for exercise in assignment.exercises:
        if exercise.arrays == "numpy":  # a process that may have gone backward cannot be forked
            for _ in rehearse(exercise):
                if zygote.is_up():
                    return


def _work(i, assignment, todo, folder, due, zygotes, tasks, done, parent):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for other in zygotes[:i] + zygotes[i + 1:]:
        other.close()
    processors.stay_on_one(i)
    if not _gradients_work(assignment):
        return
    with zygotes[i] as zygote:
        zygote.greet()
        while os.getppid() == parent:
            try:
                number = tasks.get(timeout=5)
            except queue.Empty:  # another worker died with the queue in its hand
                return
            if number is None:
                return
            submission, key = todo[number]
            done.put((number, _mark_and_keep(assignment, submission, key, folder, due, zygote), zygote.fences))


def _gradients_work(assignment):
    """PyTorch refuses to go backward in a process forked from one that has done so before."""
    if not any(exercise.arrays == "torch" for exercise in assignment.exercises):
        return True
    import torch

    torch.set_num_threads(1)
    x = torch.ones(1, requires_grad=True)
    try:
        (x * x).backward()
    except RuntimeError:
        return False
    return True


def _mark_and_keep(assignment, submission, key, folder, due, zygote):
    data = _data(submission)
    record = mark(data, assignment, submission.student, zygote)
    record.update(file=submission.place, late_days=_late_days(submission, due),
                  notes=[*submission.notes, *record["notes"]])
    _keep(folder, submission.student, key, record)
    return record


def _data(submission):
    try:
        return submission.read()
    except Unreadable as why:
        return why


def _late_days(submission, due):
    if due is None or submission.time is None:
        return 1 if submission.late else 0
    return max(math.ceil((submission.time - due) / 86400), 1 if submission.late else 0)


# --- records on disk ---


def _key(assignment, submission, data, due):
    content = data if isinstance(data, bytes) else str(data).encode()
    parts = (str(_VERSION), assignment.fingerprint, submission.student, submission.place,
             str(_late_days(submission, due)), hashlib.sha256(content).hexdigest())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def file_name(student, ending=".json"):
    """A file name for any id: readable, and different for different ids."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", student)[:60]
    tail = "" if plain == student and not plain.startswith(".") else "-" + hashlib.sha256(
        student.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{plain}{tail}{ending}"


def _keep(folder, student, key, record):
    write_atomically(folder / file_name(student), json.dumps({"key": key, "record": record}, indent=1))


def _kept(folder, student, key):
    try:
        kept = json.loads((folder / file_name(student)).read_text(encoding="utf-8"))
        return kept["record"] if kept["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def records_in(folder):
    """Read the records of a folder, by student.

    Raises
    ------
    ValueError
        If there is none.
    """
    records = []
    for path in sorted(Path(folder).glob("*.json")):
        try:
            records.append(json.loads(path.read_text(encoding="utf-8"))["record"])
        except (ValueError, KeyError, TypeError):
            continue
    if not records:
        raise ValueError(f"folder should hold the records of a grading run, got {str(folder)!r}")
    return sorted(records, key=lambda record: record["student"])


def write_atomically(path, text):
    """Write a file so that at every moment it is either the old one or the new one, whole.

    Parameters
    ----------
    path : Path
    text : str
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with open(beside, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)

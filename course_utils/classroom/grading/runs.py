"""A grading run: many submissions, several workers, and a folder of records that a killed run finds again."""

import contextlib
import gc
import hashlib
import importlib
import multiprocessing
import multiprocessing.connection
import signal
import sys
import time
from dataclasses import dataclass, field

from course_utils.checks import rehearse, sandbox
from course_utils.classroom.grading.child import processors
from course_utils.classroom.grading.class_list import EXCUSED
from course_utils.classroom.grading.forks import NotJudged, Nursery, Zygote
from course_utils.classroom.grading.marking import mark, missing
from course_utils.classroom.grading.moments import late_days
from course_utils.classroom.grading.notebooks import Unreadable
from course_utils.classroom.grading.results import Results
from course_utils.classroom.grading.submissions import is_older

__all__ = ["Class", "Run", "grade"]

_VERSION = 2  # of the records; a change makes old ones be graded again


@dataclass(frozen=True)
class Run:
    """What a run did.

    Attributes
    ----------
    results : Results
        Where the records are.
    graded, kept : int
        How many were graded now, and how many were there from a run before.
    failed : list of (str, str)
        Whose work could not be judged, by id, and why. There is no record of it: the next run tries again.
    fences : tuple of str
        What stood between answers and this machine.
    others : list of (str, str, str)
        Of whom another file counted before, by id: that file, and the one that counts now.
    """

    results: Results
    graded: int
    kept: int
    fences: tuple = ()
    failed: list = field(default_factory=list)
    others: list = field(default_factory=list)

    @property
    def records(self):
        """One for each student of whom there are results, by id, those of earlier runs included."""
        return self.results.records()


@dataclass(frozen=True)
class Class:
    """Who is expected, and what counts as late.

    Attributes
    ----------
    names : mapping of str to str
        Id and name of everybody who is expected.
    due : float or None
        Deadline in seconds since 1970.
    times : mapping of str to float
        When work came in, where a table says it.
    extensions : mapping of str to float or "excused"
        Deadlines of their own.
    file_times : bool
        Whether a file's own time counts where the platform says nothing; it is often the time of a download.
    """

    names: dict = field(default_factory=dict)
    due: float | None = None
    times: dict = field(default_factory=dict)
    extensions: dict = field(default_factory=dict)
    file_times: bool = False

    def is_excused(self, student):
        """Whether nothing is expected of a student."""
        return self.extensions.get(student) == EXCUSED

    def handed_in(self, submission):
        """When a submission came in, or None where nobody says."""
        known = self.times.get(submission.student, submission.time)
        return submission.file_time if known is None and self.file_times else known

    def late_days(self, submission):
        """How many days a submission is late."""
        if self.is_excused(submission.student):
            return 0
        own = self.extensions.get(submission.student)
        when = self.handed_in(submission)
        # Who has a deadline of their own is late by it, whatever the platform's mark says of the others' deadline.
        return late_days(when, self.due if own is None else own, submission.late and (own is None or when is None))


def grade(assignment, submissions, results, *, jobs=1, class_=None, limits=None, hidden=(), how=None, nursery=None,
          tell=None, regrade=False):
    """Grade submissions and keep one record a student in a folder of results.

    Parameters
    ----------
    assignment : Assignment
    submissions : sequence of Submission
    results : Results or path-like
        What is there already and still fits is not graded again; records of other students stay.
    jobs : int
        Number of workers.
    class_ : Class, optional
        Who is expected; who handed nothing in gets the state "missing".
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
    results = results if isinstance(results, Results) else Results(results, assignment.name)
    work = _Work(assignment, class_ or Class(), results, results.prepare())
    todo, kept_count, others = [], 0, []
    for submission in submissions:
        before = results.file_of(submission.student)
        older = bool(before) and is_older(submission.place, before, submission.student)
        if before and before != submission.place:
            others.append((submission.student, before, before if older else submission.place))
        if older:  # an old download after a new one: what came later counts
            kept_count += 1
            continue
        kept = None if regrade else results.kept(submission.student, work.key(submission, _data(submission)))
        if kept is None:
            todo.append(submission)
        else:
            kept_count += 1
    _note_missing(work, {submission.student for submission in submissions})
    settings = {"limits": limits, "hidden": [*hidden, results.folder], "allowed": assignment.allowed,
                "given": assignment.given}
    fences, done, failed = (), 0, []
    if todo:
        began = time.monotonic()
        jobs = min(jobs, len(todo))
        arrivals = _in_turn if jobs <= 1 else _side_by_side
        with _patience(), nursery or Nursery(jobs, how) as nursery:
            for number, stood, why in arrivals(work, todo, settings, nursery, jobs):
                fences = stood or fences
                done += 1
                if why:
                    failed.append((todo[number].student, why))
                if tell:
                    tell(done, len(todo), (time.monotonic() - began) / done * (len(todo) - done))
    return Run(results, len(todo) - len(failed), kept_count, fences, sorted(failed), others)


@contextlib.contextmanager
def _patience():
    """The judge runs the course's own functions only; a busy machine is no mistake."""
    usual, sandbox.CALL_LIMIT = sandbox.CALL_LIMIT, 30.0
    try:
        yield
    finally:
        sandbox.CALL_LIMIT = usual


def _note_missing(work, here):
    """Write down who is expected and has handed nothing in, now or in a run before."""
    if not work.class_.names:
        return
    there = {record["student"] for record in work.results.each() if record["state"] not in ("missing", "excused")}
    for student, name in work.class_.names.items():
        if student not in here and student not in there:
            record = missing(work.assignment, student, name, work.class_.is_excused(student))
            work.results.keep("", {**record, "file": "", "late_days": 0})


@dataclass(frozen=True)
class _Work:
    """What every worker needs to grade one submission."""

    assignment: object
    class_: Class
    results: Results
    secret: str

    def name_of(self, submission):
        """The name for reading: what the class list says, else the platform's file name."""
        return self.class_.names.get(submission.student) or submission.name

    def key(self, submission, data):
        """What a record depends on."""
        content = data if isinstance(data, bytes) else str(data).encode("utf-8", "replace")
        parts = (str(_VERSION), self.assignment.fingerprint, self.secret, submission.student,
                 self.name_of(submission), submission.place, str(self.class_.late_days(submission)),
                 *submission.notes, hashlib.sha256(content).hexdigest())
        return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()

    def mark_and_keep(self, submission, zygote):
        """Grade one file, which is read once: the record stands under the key of the bytes that were graded.

        Returns
        -------
        (tuple of str, str)
            The fences that stood, and why there is no record, if there is none.
        """
        data = _data(submission)
        try:
            record = mark(data, self.assignment, submission.student, zygote, secret=self.secret,
                          name=self.name_of(submission))
        except NotJudged as why:
            self.results.remove([submission.student])  # one of an older file, if there is one, is no longer right
            return zygote.fences, str(why)
        record.update(file=submission.place, late_days=self.class_.late_days(submission),
                      notes=[*submission.notes, *record["notes"]])
        self.results.keep(self.key(submission, data), record)
        return zygote.fences, ""


def _in_turn(work, todo, settings, nursery, jobs=1):
    with Zygote(**settings, nursery=nursery, wait=False) as zygote:
        _while_it_comes_up(work.assignment, zygote)
        zygote.greet()
        for number, submission in enumerate(todo):
            yield number, *work.mark_and_keep(submission, zygote)


def _side_by_side(work, todo, settings, nursery, jobs):
    """Several judges, each with a zygote of its own; what one of them leaves undone by dying is done here."""
    if not sys.platform.startswith("linux"):  # exercises hold functions, which only a fork takes along
        yield from _in_turn(work, todo, settings, nursery)
        return
    zygotes = [Zygote(**settings, nursery=nursery, wait=False, processor=i) for i in range(jobs)]
    _while_it_comes_up(work.assignment, zygotes[0])  # what is done here is done for all workers
    context = multiprocessing.get_context("fork")
    workers, lines = [], []
    for i in range(jobs):
        ours, theirs = context.Pipe()
        lines.append(ours)
        # Each has a line of its own: the end of one of them is seen here at once, and holds up nobody else.
        workers.append(context.Process(target=_work, args=(i, work, todo, zygotes, theirs, lines), daemon=True))
        workers[-1].start()
        theirs.close()
    for zygote in zygotes:  # each belongs to its worker now, and ends with it
        zygote.close()
    try:
        left = yield from _shared_out(len(todo), lines)
        for line in lines:
            line.close()
        if left:  # every worker is gone: what is left is done here, so that an error comes out where it is seen
            with Nursery(how=nursery.how) as another:
                for number, *what in _in_turn(work, [todo[n] for n in left], settings, another):
                    yield left[number], *what
    finally:
        for worker in workers:
            worker.join(10 if sys.exc_info()[0] is None else 0)
            worker.terminate()
            worker.join()


def _shared_out(count, lines):
    """Give each worker one number after the other and pass on what they say of it; give what was left undone."""
    numbers, at, undone = iter(range(count)), {}, []

    def give(line):
        number = next(numbers, None)
        try:
            line.send(number)
            if number is not None:
                at[line] = number
        except OSError:
            undone.extend([number] * (number is not None))

    for line in lines:
        give(line)
    while at:
        for line in multiprocessing.connection.wait(list(at)):
            number = at.pop(line)
            try:
                what = line.recv()
            except (EOFError, OSError):
                undone.append(number)
                continue
            yield number, *what
            give(line)
    return sorted([*undone, *numbers])


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


def _work(i, work, todo, zygotes, line, others):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for other in others:  # the ends of all lines so far that are not ours: else nobody would see them close
        other.close()
    for other in zygotes[:i] + zygotes[i + 1:]:
        other.close()
    processors.stay_on_one(i)
    if not _gradients_work(work.assignment):
        return
    with zygotes[i] as zygote:
        zygote.greet()
        try:
            while (number := line.recv()) is not None:
                line.send(work.mark_and_keep(todo[number], zygote))
        except (EOFError, BrokenPipeError):  # nobody is there any more who would hear it
            return


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


def _data(submission):
    try:
        return submission.read()
    except Unreadable as why:
        return why

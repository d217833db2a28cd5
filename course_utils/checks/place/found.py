"""The place of a verdict, in words for the feedback."""

import contextlib
from dataclasses import dataclass

from course_utils.checks.compare import same_values
from course_utils.checks.own_functions import known_outcome
from course_utils.checks.place.departure import Departure, find_departure
from course_utils.checks.place.following import Followed, NotFollowed
from course_utils.checks.place.recording import Enough, Run
from course_utils.checks.place.relation import relation, shown
from course_utils.checks.sandbox import Elsewhere, Printed, call_safely, contained
from course_utils.checks.time_limit import TimeUp

__all__ = ["Found", "departure_of", "find_place"]

_LIMIT = 10.0  # seconds, a last resort: counts end the search long before
_MOST_OTHERS = 2  # further failing cases on which a place has to show
_WIDTH = 90  # characters of a line that are shown


@dataclass(frozen=True)
class Found:
    """A place in a learner's own code.

    Attributes
    ----------
    line : int
        In the cell.
    inside : str
        Name of the function of another cell in which it stands; empty for the answer's own cell.
    before, marked, after : str
        The line, taken apart at the expression.
    says : str
        What is there, in one sentence or two.
    kind : str
        As in `Departure`.
    """

    line: int
    inside: str
    before: str
    marked: str
    after: str
    says: str
    kind: str


def find_place(exercise, answer, verdict, without=()):
    """Find the place at which a wrong answer leaves the right paths, where it is certain.

    Parameters
    ----------
    exercise : Exercise
    answer : callable
        The learner's function or class.
    verdict : Verdict
    without : collection of str
        Names of equivalents that are left off the right paths.

    Returns
    -------
    Found or None
    """
    try:
        departure = departure_of(exercise, answer, verdict, without)
        return departure and _found(departure)
    except KeyboardInterrupt:
        raise
    except BaseException:  # whatever stands in a cell, the verdict does not depend on it
        return None


def departure_of(exercise, answer, verdict, without=()):
    """Give the `Departure` behind a place, or None; parameters are those of `find_place`."""
    case = verdict.case
    if verdict.status != "wrong" or verdict.drawn or isinstance(answer, Elsewhere):
        return None
    if case is None:
        return _where_it_writes(exercise, answer) if verdict.overwritten else None
    if verdict.trouble and verdict.trouble.kind in ("did not finish", "Refused", "not attempted"):
        return None
    try:
        followed = Followed(answer)
        plain = call_safely(answer, case.args, case.kwargs, exercise)
        others = _others(exercise, answer, case)
        with contained(Printed(), _LIMIT):
            return find_departure(followed, exercise, case, plain, others, without)
    except (TimeUp, NotFollowed):
        return None


def _where_it_writes(exercise, answer):
    """The expression that writes into an argument, for an answer with which nothing else is wrong."""
    for case in exercise.known_cases:
        if call_safely(answer, case.args, case.kwargs, exercise).overwritten:
            with contained(Printed(), _LIMIT), contextlib.suppress(Enough, TimeUp, NotFollowed):
                run = Run(Followed(answer), exercise)
                number = run.writes(case)
                return None if number is None else Departure(run.book[number], "writes", None, None)
            return None
    return None


def _others(exercise, answer, case):
    """The next cases on which the answer goes wrong."""
    found, seen = [], False
    for other in exercise.known_cases:
        if other is case:
            seen = True
        elif seen and len(found) < _MOST_OTHERS:
            outcome = call_safely(answer, other.args, other.kwargs, exercise)
            if outcome.trouble or not same_values(
                    outcome.values, known_outcome(exercise, (), other).values, exercise.tolerance):
                found.append(other)
    return found


def _found(departure):
    node = departure.node
    first, start, last, end = node.span
    if node.kind == "Name" and not node.sources:  # a parameter: what is wrong is its default
        first, start, last, end = node.source.defaults.get(node.word, node.span)
    line = node.source.line(first)
    raw = line.encode()
    stop = end if last == first else len(raw)
    before, marked, after = (part.decode(errors="replace") for part in (raw[:start], raw[start:stop], raw[stop:]))
    inside = "" if node.source.home else node.source.name
    return Found(first, inside, before.lstrip()[-_WIDTH:], marked, after.rstrip()[:_WIDTH], says(departure, marked),
                 departure.kind)


def says(departure, marked):
    """One sentence or two about a departure."""
    kind, got, right = departure.kind, departure.got, departure.right
    if kind == "condition":
        return f"`{marked}` is {shown(got)} here; turned round, it would make the result right"
    if kind == "number":
        return f"`{marked}` is {shown(got)} here; with another number in its place the result comes out right"
    if kind == "writes":
        return f"after `{marked}` an argument no longer holds what it held"
    if kind == "returned":
        return f"`{marked}` is a value that right answers have too, but another one belongs here"
    if kind == "operation":
        return f"what goes into `{marked}` is right, and what it does with that is not: {relation(got, right)}"
    if kind == "around":
        return f"what goes into `{marked}` is right; with another number in it the result comes out right"
    if kind == "dropped":
        return f"`{marked}` computes what the lines after it need, but nothing keeps its value"
    how = relation(got, right)
    if kind == "further":
        return (f"so far all is right; but what uses this value needs another one: {how}. "
                "A step is missing between here and there")
    return f"here the values leave those of a right answer: {how}"

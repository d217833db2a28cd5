"""How often the place of a wrong answer is right: on answers of others, and on right answers with one change.

An answer of others is a line of JSON: ``{"exercise": "softmax", "code": "def softmax(...): ...", "line": 3}``. `line`
is the line of `code` where the slip is, or a list of lines any of which will do.
"""

import json
import linecache
from collections import Counter

from course_utils import exercises
from course_utils.checks.compare import same_values
from course_utils.checks.diagnose import Verdict, diagnose
from course_utils.checks.own_functions import known_outcome
from course_utils.checks.place import find_place
from course_utils.checks.place.following import Followed, NotFollowed
from course_utils.checks.place.found import departure_of
from course_utils.checks.place.paths import near
from course_utils.checks.place.recording import Enough, Run
from course_utils.checks.sandbox import Printed, call_safely, contained
from course_utils.exercises.changed import changed_answers, plain_copy

__all__ = ["answers_of_others", "left_out"]

_PREAMBLE = "import math\nimport numpy as np\n"
_TORCH = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"


def answers_of_others(path):
    """Check the answers of a file and hold their places against the lines that are stated.

    Parameters
    ----------
    path : str
        A file with one JSON object a line.

    Yields
    ------
    dict
        Number, exercise, `named`, `place` (None, or line and expression), and `result`: "exact", "false", "none",
        "passed" or "broken" where the code cannot even be run.
    """
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(text) for text in file if text.strip()]
    for number, row in enumerate(rows):
        exercise = exercises.find(row["exercise"])
        told = {"number": number, "exercise": exercise.name, "named": [], "place": None}
        try:
            answer = _answer(row, exercise, number)
        except Exception as error:
            yield {**told, "result": "broken", "why": f"{type(error).__name__}: {error}"}
            continue
        verdict = diagnose(exercise, answer)
        if verdict.passed:
            yield {**told, "result": "passed"}
            continue
        found = find_place(exercise, answer, verdict)
        told["named"] = list(verdict.names)
        if found is None:
            yield {**told, "result": "none"}
            continue
        told["place"] = [found.line, found.marked, found.says]
        lines = row["line"] if isinstance(row["line"], list) else [row["line"]]
        yield {**told, "result": "exact" if found.line in lines else "false"}


def _answer(row, exercise, number):
    """Define an answer in a cell of its own; what it needs is imported in another."""
    file = f"<ipython-input-answer-{number}>"
    names = {}
    exec(_PREAMBLE + (_TORCH if exercise.arrays == "torch" else ""), names)
    linecache.cache[file] = (len(row["code"]), None, row["code"].splitlines(True), file)
    exec(compile(row["code"], file, "exec"), names)
    return names[row.get("name", exercise.name)]


def left_out(exercise, every=1):
    """Take each right answer of an exercise off the right paths, change it in one place, and look at its place.

    Parameters
    ----------
    exercise : Exercise
    every : int
        Only each so-manieth change is tried.

    Returns
    -------
    counts : Counter
        "wrong", "exact" (the changed line), "before" (a step is missing after a right value), "none", "false".
    faults : list of str
        A line for each false one: an expression is accused whose value is that of the unchanged answer.
    """
    counts, faults = Counter(), []
    for equivalent in exercise.equivalents:
        plain = plain_copy(equivalent.function)
        try:
            whole = plain and Run(Followed(plain), exercise)
        except NotFollowed:
            whole = None
        if not whole:
            continue
        for number, changed in enumerate(changed_answers(equivalent.function)):
            verdict = None if number % every or "--" in changed.text else _verdict(exercise, changed.answer)
            if verdict is None:
                continue
            counts["wrong"] += 1
            result, words = _judged(exercise, equivalent, changed, whole, verdict)
            counts[result] += 1
            if result == "false":
                faults.append(f"{equivalent.name}, line {changed.line}, {changed.words}: {words}")
    return counts, faults


def _verdict(exercise, answer):
    """The first case on which an answer goes wrong, as a verdict; None if there is none, or it did not finish."""
    for case in exercise.known_cases:
        outcome = call_safely(answer, case.args, case.kwargs, exercise)
        if outcome.trouble and outcome.trouble.kind == "did not finish":
            return None
        if outcome.trouble or not same_values(outcome.values, known_outcome(exercise, (), case).values,
                                              exercise.tolerance):
            return Verdict("wrong", case=case, trouble=outcome.trouble)
    return None


def _judged(exercise, equivalent, changed, whole, verdict):
    departure = departure_of(exercise, changed.answer, verdict, (equivalent.name,))
    found = find_place(exercise, changed.answer, verdict, (equivalent.name,)) if departure else None
    if found is None:
        return "none", ""
    words = f"said line {found.line}, `{found.marked}`, {found.says}"
    with contained(Printed(), 10):
        try:
            whole.record(verdict.case)
        except Enough:
            return "none", ""
    number = _same_node(Followed(changed.answer).book, whole.book, departure.node.number)
    right = whole.stacks.get(number)
    as_before = right is not None and departure.got is not None and right.shape == departure.got.shape and bool(
        near(right.flat, departure.got.flat, exercise.tolerance).all())
    first, last = departure.node.statement
    if first <= changed.line <= last or found.line == changed.line:
        return "exact", words
    if departure.kind in ("further", "returned"):
        return ("before" if as_before else "false"), words
    return ("false" if as_before or departure.node.source.home else "exact"), words


def _same_node(book, other, number):
    """The number that a node of a changed source has in the source without the change."""
    first = next((i for i, (a, b) in enumerate(zip(book, other)) if (a.kind, a.word) != (b.kind, b.word)), len(book))
    return number if number < first else number + len(other) - len(book)

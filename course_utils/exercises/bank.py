"""The bank as a table: does the checker reject every mistake by its name and accept every equivalent?"""

import json
from dataclasses import asdict, dataclass, field

from course_utils import exercises
from course_utils.checks.diagnose import diagnose
from course_utils.checks.properties import broken_probe

__all__ = ["Row", "add_arguments", "examine", "run", "totals"]


@dataclass
class Row:
    """The verdicts on the bank of one exercise."""

    exercise: str
    mistakes: int = 0
    rejected: int = 0
    named: int = 0
    rejected_by_probes_alone: int = 0
    equivalents: int = 0
    accepted: int = 0
    faults: list = field(default_factory=list)


def examine(exercise):
    """Run every mistake and every equivalent of an exercise through the checker.

    Parameters
    ----------
    exercise : Exercise

    Returns
    -------
    Row
        Counts, and in `faults` a line for each verdict that should have been another.
    """
    row = Row(exercise.name, len(exercise.mistakes), equivalents=len(exercise.equivalents))
    for mistake in exercise.mistakes:
        wrong = exercise.wrong_answer(mistake)
        verdict = diagnose(exercise, wrong)
        row.rejected += not verdict.passed
        row.named += verdict.names == (mistake.name,)
        row.rejected_by_probes_alone += broken_probe(exercise, wrong) is not None
        if verdict.names != (mistake.name,):
            named = " + ".join(verdict.names) or "nothing"
            row.faults.append(f"mistake {mistake.name}: {verdict.status}, named {named}")
        for way in mistake.ways[1:]:
            verdict = diagnose(exercise, way.function)
            if verdict.names != (mistake.name,):
                named = " + ".join(verdict.names) or "nothing"
                row.faults.append(f"variant {way.number} of {mistake.name}: {verdict.status}, named {named}")
    for equivalent in (*exercise.equivalents, None):
        verdict = diagnose(exercise, equivalent.function if equivalent else exercise.reference)
        row.accepted += verdict.passed and equivalent is not None
        if not verdict.passed:
            trouble = verdict.trouble and verdict.trouble.message
            why = trouble or verdict.difference or verdict.broken or verdict.overwritten
            row.faults.append(f"{equivalent.name if equivalent else 'the reference'}: rejected, {why}")
    return row


def totals(rows):
    """Add the counts of all exercises up."""
    keys = ("mistakes", "rejected", "named", "equivalents", "accepted", "rejected_by_probes_alone")
    return {key: sum(getattr(row, key) for row in rows) for key in keys}


def add_arguments(parser):
    """Add the options of ``python -m course_utils bank``."""
    parser.add_argument("exercise", nargs="*", help="names of exercises; all of them if left out")
    parser.add_argument("--json", action="store_true", help="one JSON object in place of the table")


def run(args):
    """Print the table; give 1 back if any verdict is not what it should be."""
    everything = (*exercises.all_exercises(), *exercises.homework_exercises())
    rows = [examine(exercises.find(name)) for name in args.exercise or [e.name for e in everything]]
    total = totals(rows)
    if args.json:
        print(json.dumps({**total, "exercises": [asdict(row) for row in rows]}))
    else:
        for cells in [_HEAD, *(_cells(row.exercise, asdict(row)) for row in rows), _cells("all", total)]:
            print(f"{cells[0]:<34}" + "".join(f"{c:>12}" for c in cells[1:]))
        for row in rows:
            for fault in row.faults:
                print(f"{row.exercise}: {fault}")
    return int(any(row.faults for row in rows))


_HEAD = ("exercise", "mistakes", "rejected", "named", "by probes", "equivalents", "accepted")


def _cells(name, counts):
    keys = ("mistakes", "rejected", "named", "rejected_by_probes_alone", "equivalents", "accepted")
    return (name, *(counts[key] for key in keys))

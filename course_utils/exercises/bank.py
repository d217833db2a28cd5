"""The bank as a table: does the checker reject every mistake by its name and accept every equivalent?"""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field

from course_utils import exercises
from course_utils.checks.diagnose import diagnose
from course_utils.checks.place import find_place
from course_utils.checks.properties import broken_probe
from course_utils.exercises.places import answers_of_others, left_out

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
    placed: int = 0
    neither: int = 0
    false_places: int = 0
    faults: list = field(default_factory=list)


def examine(exercise, places=False):
    """Run every mistake and every equivalent of an exercise through the checker.

    Parameters
    ----------
    exercise : Exercise
    places : bool
        Whether to look for the place of each wrong answer, too, and that no right one has one.

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
        found = find_place(exercise, wrong, verdict) if places else None
        row.placed += found is not None
        row.neither += found is None and not verdict.names
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
        right = equivalent.function if equivalent else exercise.reference
        verdict = diagnose(exercise, right)
        row.false_places += places and find_place(exercise, right, verdict) is not None
        row.accepted += verdict.passed and equivalent is not None
        if not verdict.passed:
            trouble = verdict.trouble and verdict.trouble.message
            why = trouble or verdict.difference or verdict.broken or verdict.overwritten
            row.faults.append(f"{equivalent.name if equivalent else 'the reference'}: rejected, {why}")
    return row


def totals(rows):
    """Add the counts of all exercises up."""
    keys = ("mistakes", "rejected", "named", "equivalents", "accepted", "rejected_by_probes_alone", "placed", "neither",
            "false_places")
    return {key: sum(getattr(row, key) for row in rows) for key in keys}


def add_arguments(parser):
    """Add the options of ``python -m course_utils bank``."""
    parser.add_argument("exercise", nargs="*", help="names of exercises; all of them if left out")
    parser.add_argument("--json", action="store_true", help="one JSON object in place of the table")
    parser.add_argument("--places", action="store_true", help="how often right answers with one change are pointed at "
                        "in the right place, each taken off the right paths; takes long")
    parser.add_argument("--every", type=int, default=5, metavar="N", help="with --places: each N-th change (default 5)")
    parser.add_argument("--answers", metavar="FILE", help="hold the places of wrong answers, one JSON object a line "
                        "with exercise, code and line, against the stated lines")


def run(args):
    """Print the table; give 1 back if any verdict is not what it should be."""
    if args.answers:
        return _answers(args)
    if args.places:
        return _places(args)
    everything = (*exercises.all_exercises(), *exercises.homework_exercises())
    rows = [examine(exercises.find(name), True) for name in args.exercise or [e.name for e in everything]]
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


def _answers(args):
    rows = list(answers_of_others(args.answers))
    total = Counter(row["result"] for row in rows)
    wrong = [row for row in rows if row["result"] in ("exact", "false", "none")]
    total["named"] = sum(bool(row["named"]) for row in wrong)
    total["named or placed exactly"] = sum(bool(row["named"]) or row["result"] == "exact" for row in wrong)
    total["wrong"] = len(wrong)
    if args.json:
        print(json.dumps({"total": total, "answers": rows}))
        return 0
    for row in rows:
        print(row["number"], row["exercise"], row["result"], ", ".join(row["named"]) or "no name",
              row["place"] or row.get("why", ""))
    print(*(f"{name}: {n}" for name, n in sorted(total.items())), sep="\n")
    return 0


def _places(args):
    everything = [e.name for e in (*exercises.all_exercises(), *exercises.homework_exercises()) if e.parameters]
    rows = {}
    for name in args.exercise or everything:
        counts, faults = left_out(exercises.find(name), args.every)
        rows[name] = {**counts, "faults": faults}
        if not args.json:
            print(f"{name:<34}", *(f"{key} {counts[key]}" for key in _RESULTS), flush=True)
            print(*(f"{name}: {fault}" for fault in faults), sep="\n", end="\n" * bool(faults))
    total = {key: sum(row.get(key, 0) for row in rows.values()) for key in _RESULTS}
    print(json.dumps({**total, "exercises": rows}) if args.json else f"{'all':<34} " + " ".join(
        f"{key} {n}" for key, n in total.items()))
    return int(total["false"] > 0)


_RESULTS = ("wrong", "exact", "before", "none", "false")
_HEAD = ("exercise", "mistakes", "rejected", "named", "by probes", "equivalents", "accepted", "placed", "neither",
         "false")


def _cells(name, counts):
    keys = ("mistakes", "rejected", "named", "rejected_by_probes_alone", "equivalents", "accepted", "placed", "neither",
            "false_places")
    return (name, *(counts[key] for key in keys))

"""From an answer to a verdict: what is wrong, which mistake it is, and what shows it best.

An answer is run on every case and held against every probe. A wrong one is then compared with each
executable mistake of its exercise: the mistake whose results equal the learner's on every case is
the diagnosis. Failing that, combinations of two mistakes are tried, and then the slips of `slips`.
A result that is NaN or False throughout is explained by a mistake that alone of all gives it, and never by two.
"""

from dataclasses import dataclass
from typing import Any

from course_utils.checks.compare import first_difference, same_outcome, same_values
from course_utils.checks.drawn import drawn_for, failure_on
from course_utils.checks.exercise import Broken, Case, Mistake
from course_utils.checks.one_value import one_value, what_to_try
from course_utils.checks.own_functions import key_of, known_outcome, reference_outcomes, remember, suspects
from course_utils.checks.properties import broken_probe
from course_utils.checks.sandbox import Elsewhere, Trouble, call_safely, in_arrays
from course_utils.checks.slips import Sighting, Slip, other_slips, picked_up, source_of, sure_slips, undeniable
from course_utils.checks.slips.behaviour import number_of_axes_in, only_few_axes
from course_utils.checks.slips.raised import of_module

__all__ = ["Verdict", "diagnose", "mistakes_behind", "passes"]


@dataclass(frozen=True)
class Verdict:
    """What the checker found out about an answer.

    Attributes
    ----------
    status : {"passed", "wrong", "not attempted"}
        "passed" means every case equals the reference and every probe holds.
    mistakes : tuple of Mistake or Slip
        The diagnosis: one mistake, two that were combined, a slip, or none that is known.
    broken : Broken or None
        The property that does not hold.
    case, difference : Case or None, str
        The smallest case that fails and where its result differs.
    trouble : Trouble or None
        Where there was no result to compare: an exception, a wrong type, no end.
    overwritten : tuple of str
        Arguments that the answer wrote into.
    printed : str
        What the answer printed.
    step : str
        What to try next where no mistake is known.
    noted : str
        What is worth knowing beside the diagnosis.
    plain : str
        What came, where it is one value throughout.
    drawn : bool
        Whether all that is fixed comes out right, and what was drawn does not.
    place : Found or None
        The expression of the answer at which it leaves the right paths, where that was looked for and is certain.
    """

    status: str
    mistakes: tuple[Mistake | Slip, ...] = ()
    broken: Broken | None = None
    case: Case | None = None
    difference: str = ""
    trouble: Trouble | None = None
    overwritten: tuple[str, ...] = ()
    printed: str = ""
    step: str = ""
    noted: str = ""
    plain: str = ""
    drawn: bool = False
    place: Any = None

    @property
    def passed(self):
        return self.status == "passed"

    @property
    def names(self):
        """The names of the mistakes that were recognised."""
        return tuple(m.name for m in self.mistakes)


def diagnose(exercise, answer, seed=None):
    """Find out whether an answer is right and, if not, which mistake it makes.

    Parameters
    ----------
    exercise : Exercise
    answer : callable
        The learner's function. Whatever it does is caught.
    seed : int, optional
        For what is drawn, which is looked at where all that is fixed is right; drawn anew if left out.

    Returns
    -------
    Verdict
    """
    outcomes = _run_cases(exercise, answer)
    first = outcomes[0]
    printed = first.printed
    if first.trouble and first.trouble.kind == "not attempted":
        return Verdict("not attempted", printed=printed)
    overwritten = _overwritten(outcomes)
    right = [_right(exercise, i, o) for i, o in enumerate(outcomes)]
    failing = right.index(False) if False in right else None
    if failing is None:
        broken = broken_probe(exercise, answer)
        if not broken and not overwritten:
            return _when_drawn(exercise, answer, seed) or Verdict("passed", printed=printed)
        mistakes, step = _words(lambda: _second_name(answer, exercise, overwritten), ()), ""
        mistakes = mistakes or _mistakes_with_flaw(exercise, broken, overwritten)
        if not mistakes:
            mistakes, step = _words(lambda: _slips(exercise, answer, outcomes, right, None), ((), ""))
        return Verdict("wrong", mistakes, broken=broken, overwritten=overwritten, printed=printed, step=step)
    outcome, case = outcomes[failing], exercise.known_cases[failing]
    unfinished = outcome.trouble and outcome.trouble.kind == "did not finish"
    mistakes, step, noted = (), "", ""
    plain = one_value(outcomes, reference_outcomes(exercise), exercise.returns)
    if not (outcome.trouble and of_module(outcome.trouble)):  # without its import, no line is right
        mistakes = _words(lambda: undeniable(answer, exercise, overwritten), ())
    mistakes = mistakes or _in_order(exercise, mistakes_behind(exercise, outcomes), failing)
    known = bool(mistakes)
    if not mistakes and not unfinished:
        mistakes, step = _words(lambda: _slips(exercise, answer, outcomes, right, failing), ((), ""))
        step = what_to_try(plain) or ("" if mistakes else case.step) or step
    if outcome.trouble and any(m.name in ("list", "list-for-array") for m in mistakes):
        # All lists of lists stop alike: what is in them shows in an array.
        lists = tuple(m for m in mistakes if m.name in ("list", "list-for-array"))
        mistakes = (*lists, *_mistakes_in_arrays(exercise, answer))[:2]
    if not unfinished and not isinstance(answer, Elsewhere):
        noted = _words(lambda: picked_up(answer), "")
    broken = None if outcome.trouble and (unfinished or not known) else broken_probe(exercise, answer)
    return Verdict(
        "wrong", mistakes,
        broken=None if broken and broken.trouble else broken,  # the case tells more than what stops on other inputs
        case=case,
        difference="" if outcome.trouble else _difference(exercise, failing, outcome),
        trouble=outcome.trouble, overwritten=overwritten, printed=printed, step=step, noted=noted,
        plain=plain)


def passes(exercise, answer):
    """Tell whether an answer is right, without a look for what may be wrong with it.

    Parameters
    ----------
    exercise : Exercise
    answer : callable

    Returns
    -------
    bool
        What ``diagnose(exercise, answer).passed`` says, much sooner where it is False.
    """
    outcomes = _run_cases(exercise, answer)
    return (all(_right(exercise, i, outcome) for i, outcome in enumerate(outcomes)) and not _overwritten(outcomes)
            and not broken_probe(exercise, answer) and not _when_drawn(exercise, answer))


def _when_drawn(exercise, answer, seed=None):
    """The verdict on an answer that is right on all that is fixed and not on what is drawn; None if it is right."""
    for thing, _, wanted in drawn_for(exercise, seed):
        failure = failure_on(exercise, thing, wanted, answer)
        if failure:
            return Verdict("wrong", drawn=True, broken=failure.broken,
                           case=None if failure.broken or failure.overwritten else thing,
                           difference=failure.difference, trouble=failure.trouble, overwritten=failure.overwritten,
                           step="compute from the arguments: the result has to follow other numbers of the same shape")
    return None


def _second_name(answer, exercise, overwritten):
    """`y = x`, where the numbers are right: of what stands in the source, this alone changes no result."""
    found = undeniable(answer, exercise, overwritten) if overwritten else ()
    return tuple(slip for slip in found if slip.name == "second-name")


def _words(look, otherwise):
    """Look for what is said beside a verdict; whatever stands in a cell, the verdict does not depend on it."""
    try:
        return look()
    except Exception:
        return otherwise


def _overwritten(outcomes):
    return next((outcome.overwritten for outcome in outcomes if outcome.overwritten), ())


def _slips(exercise, answer, outcomes, right, failing):
    """Give the slip of an answer that no mistake explains, as a tuple, and the next step where there is no cause."""
    sighting = Sighting(exercise, answer, source_of(answer), tuple(outcomes), tuple(reference_outcomes(exercise)),
                        tuple(right), failing, _overwritten(outcomes))
    slip = next(iter(sure_slips(sighting)), None)
    if slip is None and failing is not None:
        mistakes = _mistakes_of_a_table(exercise, outcomes, right)
        if mistakes:
            return mistakes, ""
    slip = slip or next(iter(other_slips(sighting)), None)
    if slip is None:
        return (), ""
    return ((slip,), "") if slip.cause else ((), slip.experiment)


def _mistakes_of_a_table(exercise, outcomes, right):
    """Give the mistake that explains the cases with the fewest axes.

    The answer has to be wrong on all others, and to stop on some of them.
    """
    axes = [number_of_axes_in(case) for case in exercise.known_cases]
    few = [i for i, n in enumerate(axes) if n == min(axes)]
    if len(outcomes) < len(axes) or len(few) in (1, len(axes)) or all(right[i] for i in few):
        return ()
    others = [i for i in range(len(axes)) if i not in few]
    if any(right[i] for i in others) or not any(outcomes[i].trouble for i in others):
        return ()
    for mistake in exercise.mistakes:
        if all(same_outcome(known_outcome(exercise, (mistake,), exercise.known_cases[i]), outcomes[i],
                            exercise.tolerance) for i in few):
            return mistake, only_few_axes(min(axes))
    return ()


def _mistakes_in_arrays(exercise, answer):
    """Give the mistakes of an answer that gives lists, once these are made into arrays; none if it is right then."""
    if isinstance(answer, Elsewhere) or exercise.invoke or exercise.arrays != "numpy":
        return ()  # tensors can be put together along any axis
    outcomes = _run_cases(exercise, lambda *args, **kwargs: in_arrays(answer(*args, **kwargs), exercise))
    if all(_right(exercise, i, outcome) for i, outcome in enumerate(outcomes)):
        return ()
    return mistakes_behind(exercise, outcomes)[:1]


def _in_order(exercise, mistakes, failing):
    """Put the mistake first that is wrong by itself in the example that is shown."""
    if len(mistakes) < 2:
        return mistakes
    alone = [known_outcome(exercise, (m,), exercise.known_cases[failing]) for m in mistakes]
    return tuple(m for _, m in sorted(zip(alone, mistakes), key=lambda pair: _right(exercise, failing, pair[0])))


def mistakes_behind(exercise, outcomes):
    """Give the mistakes, one or two, whose results equal the given ones on every case.

    Parameters
    ----------
    exercise : Exercise
    outcomes : sequence of Outcome
        One for each case; fewer if the answer did not finish.

    Returns
    -------
    tuple of Mistake
        Empty if no mistake of the bank explains the results.
    """
    if len(outcomes) < len(exercise.known_cases):
        return ()
    found, overwritten = (), _overwritten(outcomes)
    wrong = next((i for i, outcome in enumerate(outcomes) if not _right(exercise, i, outcome)), 0)
    if one_value(outcomes, reference_outcomes(exercise), exercise.returns):
        alone = {way.name: (way,) for mistake in exercise.mistakes for way in mistake.ways
                 if _explain(exercise, (way,), outcomes, wrong)
                 and (not overwritten or known_outcome(exercise, (way,), exercise.known_cases[0]).overwritten)}
        return next(iter(alone.values())) if len(alone) == 1 else ()
    for mistakes in suspects(exercise):
        if _explain(exercise, mistakes, outcomes, wrong):
            found = found or mistakes
            # Of two that give the same numbers, the one that writes into its arguments as the answer does.
            if not overwritten or any(known_outcome(exercise, mistakes, case).overwritten == overwritten
                                      for case in exercise.known_cases):
                return mistakes
    if found or not any(outcome.trouble for outcome in outcomes):
        return found
    # Numbers that are wrong in the same way count more than the words of an error, which depend on how a line is put.
    if any(not outcome.trouble and not _right(exercise, i, outcome) for i, outcome in enumerate(outcomes)):
        return next((mistakes for mistakes in suspects(exercise)
                     if _explain(exercise, mistakes, outcomes, wrong, words=False)), ())
    return ()


def _explain(exercise, mistakes, outcomes, wrong, words=True):
    """Whether these mistakes do what the learner's answer did.

    Most are out after the first case that they are held against: one that is known, else `wrong`.
    """
    cases = exercise.known_cases
    first = 0 if key_of(mistakes, cases[0]) in exercise.outcomes else wrong
    return all(same_outcome(known_outcome(exercise, mistakes, cases[i]), outcomes[i], exercise.tolerance, words)
               for i in (first, *(i for i in range(len(cases)) if i != first)))


def _mistakes_with_flaw(exercise, broken, overwritten):
    """Give the mistake that is right on every case as well, and whose flaw shows in the same way."""
    for mistake in exercise.mistakes:
        if _known_flaw(exercise, mistake) == (broken, overwritten):
            return (mistake,)
    return ()


def _run_cases(exercise, answer):
    """Run an answer on the cases; one that does not finish, or was not begun, is not run on."""
    outcomes = []
    for case in exercise.known_cases:
        outcomes.append(call_safely(answer, case.args, case.kwargs, exercise))
        trouble = outcomes[-1].trouble
        if trouble and trouble.kind in ("did not finish", "not attempted"):
            break
    return outcomes


def _right(exercise, index, outcome):
    wanted = reference_outcomes(exercise)[index]
    return not outcome.trouble and same_values(outcome.values, wanted.values, exercise.tolerance)


def _difference(exercise, index, outcome):
    wanted = reference_outcomes(exercise)[index]
    return first_difference(outcome.values, wanted.values, exercise.returns, exercise.tolerance)


def _known_flaw(exercise, mistake):
    """What shows a mistake that gives the right numbers: a broken property, overwritten arguments, or None."""

    def compute():
        outcomes = []
        for i, case in enumerate(exercise.known_cases):
            outcomes.append(known_outcome(exercise, (mistake,), case))
            if not _right(exercise, i, outcomes[-1]):
                return None
        overwritten = _overwritten(outcomes)
        return broken_probe(exercise, exercise.wrong_answer(mistake)), overwritten

    return remember(exercise.memory, f"flaw of {mistake.name}", compute)

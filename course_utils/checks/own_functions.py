"""What the functions of an exercise itself give, right and wrong ones: computed once, and kept on the exercise."""

import itertools

from course_utils.checks.sandbox import Outcome, call_safely

__all__ = ["key_of", "known_outcome", "reference_outcomes", "rehearse", "remember", "suspects"]


def remember(memory, key, compute):
    """Look something up, and compute it first where it is not there."""
    if key not in memory:
        memory[key] = compute()
    return memory[key]


def reference_outcomes(exercise):
    """Give what the reference does on each case, computed once."""
    return remember(exercise.memory, "reference", lambda: [_sound(exercise, case) for case in exercise.known_cases])


def rehearse(exercise):
    """Compute ahead of the first answer what every wrong one is compared with.

    Parameters
    ----------
    exercise : Exercise

    Yields
    ------
    None
        After each; whoever has no more time leaves off.
    """
    reference_outcomes(exercise)
    yield
    for mistakes in suspects(exercise):
        known_outcome(exercise, mistakes, exercise.known_cases[0])
        yield


def _sound(exercise, case):
    outcome = known_outcome(exercise, (), case)
    if outcome.trouble:
        raise RuntimeError(f"the reference of {exercise.name!r} fails on case {case.note!r}: "
                           f"{outcome.trouble.message}")
    return outcome


def known_outcome(exercise, mistakes, case) -> Outcome:
    """Give what the reference does on a case, or the answer that makes one mistake or two."""
    def compute():
        answer = exercise.wrong_answer(*mistakes) if mistakes else exercise.reference
        return call_safely(answer, case.args, case.kwargs, exercise)

    return remember(exercise.outcomes, key_of(mistakes, case), compute)


def key_of(mistakes, case):
    """The key under which the outcome of these mistakes on a case is kept."""
    return (case, *((mistake.name, mistake.number) for mistake in mistakes))


def suspects(exercise):
    """Every mistake and its variants, then every two mistakes that can be made together."""
    yield from ((way,) for mistake in exercise.mistakes for way in mistake.ways)
    for pair in itertools.combinations([m for m in exercise.mistakes if m.changes is not None], 2):
        if pair[0].changes.keys().isdisjoint(pair[1].changes):
            yield pair

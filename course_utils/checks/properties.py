"""Holding an answer against the properties that right answers have."""

import numpy as np

from course_utils.checks.exercise import Broken
from course_utils.checks.sandbox import Stopped, Trouble, call_safely

__all__ = ["broken_probe", "hold_against"]


def broken_probe(exercise, answer):
    """Give the first property of the exercise that an answer breaks, or None.

    One that could not be looked at, because the answer or the look at its result raises, comes last.
    """
    raised = None
    for probe in exercise.known_probes:
        broken = hold_against(exercise, probe, answer)
        if broken and not broken.trouble:
            return broken
        raised = raised or broken
    return raised


def hold_against(exercise, probe, answer):
    """Give what shows that an answer lacks one property, or None."""
    seen = []

    def call(*args, **kwargs):
        outcome = call_safely(answer, args, kwargs, exercise)
        if outcome.trouble:
            raise Stopped(outcome)
        seen.append(outcome)
        return outcome.native if len(exercise.returns) > 1 else outcome.native[0]

    try:
        with np.errstate(all="ignore"):  # a probe divides what the answer gave, and that may be 0
            return probe.run(call)
    except Stopped as stop:
        trouble = stop.outcome.trouble
        words = "it does not finish" if trouble.kind == "did not finish" else "there is no result that can be used"
        return Broken(f"on another input {words}", trouble.message, probe=probe.name, trouble=trouble)
    except Exception as error:
        return _raised_by_the_look(exercise, probe, error, seen)


def _raised_by_the_look(exercise, probe, error, seen):
    """Tell of a result at which a probe could not even look, or whose gradient could not be computed."""
    message = f"{type(error).__name__}: {error}".split("\n")[0][:200]
    trouble = Trouble(type(error).__name__, message)
    if "modified by an inplace operation" in message:
        return Broken("the gradient cannot be computed: a tensor that it needs was changed in place", "",
                      "Write `w = w / s` in place of `w /= s`, and `x.exp()` in place of `x.exp_()`.",
                      probe.name, trouble)
    shapes = ", ".join(f"{spec.name} {value.shape}" for spec, value in zip(exercise.returns, seen[-1].values)) \
        if seen else "none"
    return Broken("on another input the result is not such that it can be tested", f"{message}; shapes: {shapes}",
                  "Print the shapes of your result for inputs of other sizes.", probe.name, trouble)

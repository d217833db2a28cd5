"""Results of one value only: all NaN, all False, all zeros. They look like many mistakes at once and tell of none."""

import numpy as np

__all__ = ["one_value", "what_to_try"]

_KINDS = (  # what to say, how to tell, what to try where no mistake explains it
    ("NaN", lambda x: x.dtype.kind == "f" and np.isnan(x).all(),
     "print each step for the example, and find the first that gives NaN: `0.0 * -math.inf` does, and so does a "
     "softmax of nothing but minus infinity"),
    ("False", lambda x: x.dtype == bool and not x.any(),
     "print the tables that your mask is made of, one by one: which is False where it should be True?"),
    ("True", lambda x: x.dtype == bool and x.all(),
     "print the tables that your mask is made of, one by one: which is True where it should be False?"),
    ("0", lambda x: x.dtype != bool and not x.any(), "print each step for the example, and find the first that gives "
                                                     "only zeros"),
)


def one_value(outcomes, wanted, returns):
    """Tell whether one of the results holds the same single value on every case, where it should not.

    Parameters
    ----------
    outcomes, wanted : sequences of Outcome
        What an answer did on each case, and the reference.
    returns : sequence of Returns

    Returns
    -------
    str
        A sentence ("every value of output is NaN, on every input"); empty if there is none.
    """
    if len(outcomes) < len(wanted) or any(outcome.trouble for outcome in outcomes):
        return ""
    for i, spec in enumerate(returns):
        got, right = ([outcome.values[i] for outcome in group] for group in (outcomes, wanted))
        for word, holds, _ in _KINDS:
            if all(map(holds, got)) and not all(map(holds, right)):
                return f"every value of {spec.name} is {word}, on every input"
    return ""


def what_to_try(said):
    """The next step for somebody who gets what `one_value` said."""
    return next((step for word, _, step in _KINDS if f" is {word}, " in said), "")

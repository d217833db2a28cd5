"""The battery: inputs that tell right answers from wrong ones, the same for every exercise of a kind.

An exercise says in a few lines how an input is made, and why it leaves regimes out; `REGIMES` lists them all::

    BATTERY = Battery(
        sizes=lambda s: draw((*s.lead, s.T, s.d_k), (*s.lead, s.S, s.d_k), seed=s.seed, dtype=s.dtype),
        without={"scores": reasons.COMES_OUT, "gradients": "nothing is trained with a table", **reasons.PLAIN},
    )
    SCALED_SCORES = Exercise(..., cases=_cases, battery=BATTERY)

Its own `cases` come first and begin with the smallest readable one; those of the battery follow, from small to large.
``tests/test_battery.py`` asks for a reason for every regime that does not come up.
"""

from course_utils.exercises.battery import reasons
from course_utils.exercises.battery.battery import Battery
from course_utils.exercises.battery.calls import earlier_result_stays, gradients_in_numbers
from course_utils.exercises.battery.regimes import REGIMES
from course_utils.exercises.battery.scores import HIDDEN, narrow, one_hot, queries_and_keys
from course_utils.exercises.battery.shapes import Sizes
from course_utils.exercises.battery.values import normal, numbers

__all__ = ["HIDDEN", "REGIMES", "Battery", "Sizes", "earlier_result_stays", "gradients_in_numbers", "narrow", "normal",
           "numbers", "one_hot", "queries_and_keys", "reasons"]

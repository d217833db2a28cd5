"""The battery: inputs that tell right answers from wrong ones, the same for every exercise of a kind."""

from course_utils.exercises.battery import reasons
from course_utils.exercises.battery.battery import Battery
from course_utils.exercises.battery.regimes import REGIMES
from course_utils.exercises.battery.scores import one_hot, queries_and_keys
from course_utils.exercises.battery.shapes import Sizes
from course_utils.exercises.battery.values import normal, numbers

__all__ = ["REGIMES", "Battery", "Sizes", "normal", "numbers", "one_hot", "queries_and_keys", "reasons"]

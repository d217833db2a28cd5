"""The checker: what an exercise is, how an answer is run, and how a mistake gets its name.

No exercise lives here; `course_utils.exercises` holds them.
"""

from course_utils.checks.credit import Earned, earn
from course_utils.checks.diagnose import Verdict, diagnose, passes
from course_utils.checks.exercise import Broken, Case, Equivalent, Exercise, Mistake, Part, Probe, Returns
from course_utils.checks.feedback import Feedback, give_feedback
from course_utils.checks.own_functions import rehearse
from course_utils.checks.sandbox import Stopped

__all__ = ["Broken", "Case", "Earned", "Equivalent", "Exercise", "Feedback", "Mistake", "Part", "Probe", "Returns",
           "Stopped", "Verdict", "diagnose", "earn", "give_feedback", "passes", "rehearse"]

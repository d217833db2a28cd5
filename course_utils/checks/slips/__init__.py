"""Slips that can be made in any exercise: looked for where no mistake of its bank explains an answer.

`source` finds what a learner wrote, `written` looks at it, `mending` changes it, `behaviour` runs the answer on other
inputs, `raised` reads error messages, and `find` puts them in order. A slip is named only where what is said of it
holds for this answer.
"""

from course_utils.checks.slips.find import other_slips, picked_up, source_of, sure_slips, undeniable
from course_utils.checks.slips.slip import Sighting, Slip

__all__ = ["Sighting", "Slip", "other_slips", "picked_up", "source_of", "sure_slips", "undeniable"]

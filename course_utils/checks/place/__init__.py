"""The place: the first expression of an answer at which its values leave those of every right answer.

A wrong answer is made again from its source so that each sub-expression tells its value (`rewriting`, `following`,
`recording`); the right answers of the exercise are followed in the same way on the same case (`paths`); the search
(`departure`) puts right values in the place of the learner's own until the answer comes out right; `relation` says in
words how the two values differ, and `found` is what the feedback shows.
"""

from course_utils.checks.place.found import Found, find_place

__all__ = ["Found", "find_place"]

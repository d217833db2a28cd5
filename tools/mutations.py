"""Change right answers a little, one place at a time, and list the changed ones that the checker accepts.

What it lists is either right all the same (`dim=2` for `dim=-2` of four axes) or shows an input that is missing::

    python tools/mutations.py [EXERCISE ...]

Answers are the equivalents and the stages of each exercise of the lessons, as far as they are written as functions.
"""

import argparse

from course_utils import exercises
from course_utils.checks import passes
from course_utils.exercises.changed import changed_answers


def main():
    """Print each changed answer that passes, and the counts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("exercise", nargs="*", help="names of exercises; all of the lessons if left out")
    wanted = parser.parse_args().exercise
    tried = accepted = 0
    for exercise in exercises.all_exercises():
        if not exercise.parameters or (wanted and exercise.name not in wanted):
            continue
        answers = {equivalent.name: equivalent.function for equivalent in exercise.equivalents}
        for name, answer in {**answers, **({"stages": exercise.stages} if exercise.stages else {})}.items():
            for changed in changed_answers(answer):
                tried += 1
                if passes(exercise, changed.answer):
                    accepted += 1
                    print(f"{exercise.name}, {name}, line {changed.line}: {changed.words}", flush=True)
    print(f"{tried} changes, {accepted} accepted")


if __name__ == "__main__":
    main()

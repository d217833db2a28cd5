"""Exercises of the four assignments, one package each."""

__all__ = ["ALLOWED"]

# What of the course an answer may use, by the name of the assignment: `check`, preflight and grader read this list.
ALLOWED = {
    "hw1_weights": ("course_utils.shapes",),
    "hw2_masks": ("course_utils.shapes", "course_utils.attention"),
    "hw3_shared_heads": ("course_utils.shapes",),
    "hw4_long_sequences": ("course_utils.shapes",),
}

"""Assignment 3: heads that share their keys and values, and a cache of them."""

from course_utils.exercises.homework.shared_heads import grouped_queries

EXERCISES = grouped_queries.EXERCISES

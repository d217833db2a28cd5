"""Assignment 3: heads that share their keys and values, and a cache of them."""

from course_utils.exercises.homework.shared_heads import cached_steps, grouped_queries, key_projections

EXERCISES = (*grouped_queries.EXERCISES, *cached_steps.EXERCISES, *key_projections.EXERCISES)

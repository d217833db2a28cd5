"""Assignment 3: heads that share their keys and values, and a cache of them."""

EXERCISES = ()

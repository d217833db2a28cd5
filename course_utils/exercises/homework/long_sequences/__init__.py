"""Assignment 4: attention over long sequences, and positions that count from each other."""

EXERCISES = ()

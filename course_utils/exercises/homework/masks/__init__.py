"""Assignment 2: masks for packed sequences, windows and prefixes."""

EXERCISES = ()

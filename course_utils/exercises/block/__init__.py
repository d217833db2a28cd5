"""Exercises of notebook 09: the block around attention."""

"""Exercises of notebook 10: what a head does, measured, and what the model is worth without it."""

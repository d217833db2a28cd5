"""Exercises of the four assignments, one package each."""

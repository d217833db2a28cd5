"""Exercises of notebook 12: what attention costs, and ways that cost less."""

"""Exercises of lesson 06: where queries, keys and values come from."""

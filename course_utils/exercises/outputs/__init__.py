"""Exercises of lesson 03: from weights to outputs."""

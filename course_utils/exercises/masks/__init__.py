"""Exercises of lesson 05: masks."""

"""Exercises of lesson 07: attention with several heads."""

"""Exercises of lesson 01: dot products, and scores of queries against keys."""

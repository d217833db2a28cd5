"""Exercises of lesson 00: reading a table of attention weights."""

"""Exercises of lesson 04: scaled dot-product attention."""

"""Homework 2: masks for packed sequences, sliding windows and prefix language models."""

from course_utils.exercises.homework.masks.packed import PACKED

EXERCISES = (PACKED,)

"""Homework 2: masks for packed sequences, sliding windows and prefix language models."""

from course_utils.exercises.homework.masks.attend import ATTEND
from course_utils.exercises.homework.masks.packed import PACKED
from course_utils.exercises.homework.masks.prefix import PREFIX_LM
from course_utils.exercises.homework.masks.window import WINDOW

EXERCISES = (PACKED, ATTEND, WINDOW, PREFIX_LM)

"""Homework 4: attention over long sequences, block by block, by running sums, and with positions that turn."""

from course_utils.exercises.homework.long_sequences.linear_attention import LINEAR_ATTENTION
from course_utils.exercises.homework.long_sequences.merge_block import MERGE_BLOCK
from course_utils.exercises.homework.long_sequences.rotate import ROTATE

EXERCISES = (MERGE_BLOCK, LINEAR_ATTENTION, ROTATE)

"""Assignment 1: other ways to choose weights, and their gradient."""

from course_utils.exercises.homework.weights.gradient import POOLING_GRADIENT
from course_utils.exercises.homework.weights.pooling import POOLING
from course_utils.exercises.homework.weights.top_k import TOP_K

EXERCISES = (TOP_K, POOLING, POOLING_GRADIENT)

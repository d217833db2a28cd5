"""Exercises of notebook 11: images as rows of patches, and what the class token looks at."""

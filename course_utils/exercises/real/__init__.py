"""Exercises of notebook 13: what stands around the attention of a real model."""

"""Families of mistakes, equivalents and inputs that several exercises have."""

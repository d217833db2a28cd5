"""Notebooks as pages that need no kernel and no network."""

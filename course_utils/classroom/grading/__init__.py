"""Grading homework in children that know no test: see `child`, `remote` and `marking`."""

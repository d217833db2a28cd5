"""What runs beside students' code. Nothing here imports the course: these files are started alone.

A zygote (`zygote`) imports NumPy and PyTorch once, and forks a child for every exercise. A child is confined
(`confine`, `landlock`, `seccomp`), runs where its worker does (`processors`), takes from a notebook what an answer
needs (`slices`), and answers calls (`answering`) in a format without pickle (`wire`).
"""

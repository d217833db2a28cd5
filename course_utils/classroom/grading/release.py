"""The student version of a source notebook, by nbgrader's own steps: what its `generate_assignment` would write.

nbgrader is needed here, and only here and in `nbgrader_plugin`: it is a tool of teachers.
"""

__all__ = ["points_in", "released"]


def released(path):
    """Write the student version.

    Parameters
    ----------
    path : path-like
        The source notebook.

    Returns
    -------
    str
        A notebook without solutions, hidden tests and outputs, in which what must not be changed is locked.

    Raises
    ------
    ValueError
        If it is a student version already, whose stubs would be lost, or nbgrader refuses it; it says why.
    """
    import nbformat
    from nbgrader import preprocessors as steps

    notebook, resources = nbformat.read(path, as_version=4), {}
    marked = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("checksum")]
    if marked and not any("### BEGIN SOLUTION" in cell.source for cell in notebook.cells):
        raise ValueError(f"a source notebook is wanted, and {path} is what students get; "
                         "the name alone finds the source of one of the course's")
    for step in (steps.LockCells, steps.ClearSolutions, steps.ClearOutput, steps.CheckCellMetadata,
                 steps.ClearHiddenTests, steps.ClearMarkScheme, steps.ComputeChecksums, steps.CheckCellMetadata):
        try:
            notebook, resources = step().preprocess(notebook, resources)
        except Exception as error:
            raise ValueError(f"nbgrader cannot release {path}: {error}") from error
    return nbformat.writes(notebook) + "\n"


def points_in(path):
    """Add up the points of a notebook."""
    import nbformat

    marks = [cell.metadata.get("nbgrader", {}) for cell in nbformat.read(path, as_version=4).cells]
    return sum(float(mark["points"]) for mark in marks if mark.get("grade") or mark.get("task"))

"""nbgrader with this grader in place of its execute step: its gradebook, formgrader and feedback stay as they are.

In ``nbgrader_config.py``::

    c = get_config()
    from course_utils.classroom.grading import nbgrader_plugin
    nbgrader_plugin.configure(c, "notebooks/homework")    # where the source notebooks are

Read-only cells are restored and checksums compared as ever; then, instead of starting a kernel, the answers are
graded in children, and every cell with points gets the points it earned as its output.
"""

from pathlib import Path

from nbformat.v4 import new_output
from nbgrader.preprocessors import DeduplicateIds, Execute, NbGraderPreprocessor
from traitlets import Unicode

from course_utils.classroom.grading.assignment import load
from course_utils.classroom.grading.forks import Zygote
from course_utils.classroom.grading.marking import mark
from course_utils.classroom.grading.notebooks import same_id
from course_utils.classroom.grading.words import without_paths

__all__ = ["DropDuplicates", "Grade", "configure"]

_open = {}  # name of an assignment -> (Assignment, Zygote)


class Grade(NbGraderPreprocessor):
    """Grades the answers of a notebook and writes points into its cells, where nbgrader looks for them."""

    sources = Unicode(help="Folder of the source notebooks").tag(config=True)

    def preprocess(self, nb, resources):
        """Grade one notebook."""
        import nbformat

        meta = resources.get("nbgrader", {})
        assignment, zygote = _ready(Path(self.sources), meta.get("notebook", ""))
        record = mark(nbformat.writes(nb).encode(), assignment, meta.get("student", ""), zygote)
        results = {result["name"]: result for result in record["exercises"]}
        self.log.info("%s: %s, %g of %g points", meta.get("student"), record["state"], record["points"], record["of"])
        for cell in nb.cells:
            mark_ = cell.metadata.get("nbgrader", {})
            test = next((t for t in assignment.tests if same_id(t[0], mark_.get("grade_id", ""))), None)
            if cell.cell_type == "code" and mark_.get("grade") and not mark_.get("solution") and test:
                _write(cell, results[test[1]], test[2])
        return nb, resources


def _write(cell, result, parts):
    mine = [part for part in result["parts"] if part["name"] in parts]
    points, of = sum(part["points"] for part in mine), sum(part["of"] for part in mine)
    share = points / of if of else 0.0
    if not all(part["visible"] for part in mine):
        cell.source = "# decided after the deadline"  # feedback pages show the source of test cells
    words = [] if points == of else [result["headline"], *(f"{label}: {text}" if label else text
                                                           for label, text in result["rows"]), *result["notes"]]
    text = without_paths("\n".join(words), result.get("source", ""))
    cell.outputs = [new_output("stream", name="stdout", text=text + "\n")] if text else []
    # A float as result is partial credit.
    value = repr(float(share * cell.metadata.nbgrader.points))
    cell.outputs.append(new_output("execute_result", data={"text/plain": value}, execution_count=1))
    cell.execution_count = 1


class DropDuplicates(DeduplicateIds):
    """nbgrader leaves an empty ``nbgrader`` on the copy of a cell, and then takes it for an old format."""

    def preprocess_cell(self, cell, resources, cell_index):
        """Take the empty mark away."""
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if cell.metadata.get("nbgrader") == {}:
            del cell.metadata["nbgrader"]
        return cell, resources


def _ready(folder, name):
    if name not in _open:
        assignment = load(folder / f"{name}.ipynb")
        _open[name] = assignment, Zygote(allowed=assignment.allowed, given=assignment.given)
    return _open[name]


def configure(c, sources):
    """Change nbgrader's configuration so that it grades with `Grade`.

    Parameters
    ----------
    c : Config
    sources : path-like
        Folder of the source notebooks; their names are those of the notebooks handed in.
    """
    from nbgrader.converters import Autograde

    c.Autograde.sanitize_preprocessors = [DropDuplicates if p is DeduplicateIds else p
                                          for p in Autograde.sanitize_preprocessors.default()]
    c.Autograde.autograde_preprocessors = [Grade if p is Execute else p
                                           for p in Autograde.autograde_preprocessors.default()]
    c.Grade.sources = str(Path(sources).resolve())

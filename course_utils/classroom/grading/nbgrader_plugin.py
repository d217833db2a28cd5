"""nbgrader with this grader in place of its execute step: its gradebook, formgrader and feedback stay as they are.

In ``nbgrader_config.py``::

    c = get_config()
    from course_utils.classroom.grading import nbgrader_plugin
    nbgrader_plugin.configure(c)

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
from course_utils.classroom.grading.results import secret_in
from course_utils.classroom.grading.words import without_paths

__all__ = ["DropDuplicates", "Grade", "configure", "source_of"]

_open = {}  # source notebook -> (Assignment, Zygote)


class Grade(NbGraderPreprocessor):
    """Grades the answers of a notebook and writes points into its cells, where nbgrader looks for them."""

    sources = Unicode(help="Folder of the source notebooks; nbgrader's own if empty").tag(config=True)

    def preprocess(self, nb, resources):
        """Grade one notebook."""
        import nbformat

        meta = resources.get("nbgrader", {})
        course = self.parent.parent.coursedir  # of the exporter's converter
        folder = Path(course.root) / (self.sources or course.source_directory)
        source = source_of(folder, meta.get("assignment", ""), meta.get("notebook", ""))
        assignment, zygote = _ready(source, [Path(course.root) / name for name in (
            course.source_directory, course.submitted_directory, course.autograded_directory)])
        # What is drawn is the same for the whole course folder, whoever runs nbgrader in it.
        secret = secret_in(Path(course.root) / "secret.txt")
        record = mark(nbformat.writes(nb).encode(), assignment, meta.get("student", ""), zygote, secret=secret)
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


def source_of(folder, assignment, notebook):
    """Find the source of a notebook that was handed in.

    Parameters
    ----------
    folder : path-like
        Of sources: nbgrader's ``source/hw3/hw3.ipynb``, or one that holds the notebooks themselves.
    assignment, notebook : str
        Names as nbgrader has them.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If it is not there, or in two places.
    """
    folder, name = Path(folder), f"{notebook}.ipynb"
    for path in (folder / assignment / name, folder / name):
        if path.is_file():
            return path
    found = [path for path in sorted(folder.rglob(name)) if ".ipynb_checkpoints" not in path.parts]
    if len(found) == 1:
        return found[0]
    where = f"it lies in {' and in '.join(str(path.parent) for path in found)}" if found else "it is not there"
    raise ValueError(f"sources should be the folder in which {assignment}/{name} or {name} lies, got {str(folder)!r}: "
                     f"{where}")


def _ready(source, hidden):
    if source not in _open:
        assignment = load(source)
        _open[source] = assignment, Zygote(allowed=assignment.allowed, given=assignment.given, hidden=hidden)
    return _open[source]


def configure(c, sources=""):
    """Change nbgrader's configuration so that it grades with `Grade`.

    Parameters
    ----------
    c : Config
    sources : path-like
        Folder of the source notebooks, below the course folder if it is no whole path; nbgrader's own ``source/`` if
        left out. A notebook's name there is that of the notebooks handed in.
    """
    from nbgrader.converters import Autograde

    c.Autograde.sanitize_preprocessors = [DropDuplicates if p is DeduplicateIds else p
                                          for p in Autograde.sanitize_preprocessors.default()]
    c.Autograde.autograde_preprocessors = [Grade if p is Execute else p
                                           for p in Autograde.autograde_preprocessors.default()]
    c.Grade.sources = str(sources)

"""A bundle for Gradescope, and the results.json that it wants back."""

import io
import json
import re
import secrets
import zipfile
from pathlib import Path

from course_utils.classroom.grading.gradebook import in_points, number
from course_utils.classroom.grading.words import without_paths
from course_utils.classroom.lab import requirements

__all__ = ["bundle", "results", "secret_of", "write_results"]

_ROOT = Path(__file__).parents[3]
_BUNDLE = Path(__file__).with_name("bundle")  # the two scripts that Gradescope runs
_PACKAGES = ("numpy", "torch", "matplotlib")
_NOT_OF_THE_COURSE = ("nbformat>=5.10", "ipython>=8.20")  # for a learner they come with JupyterLab


def results(record):
    """Turn a record into Gradescope's results.

    Parameters
    ----------
    record : dict

    Returns
    -------
    dict
        One test for each part: what is visible, and what is shown after the due date.
    """
    tests = []
    for place, result in enumerate(record["exercises"], 1):
        for part_number, part in enumerate(result["parts"], 1):
            # The words are about the first thing that is wrong; they go where points were lost.
            lost = part["points"] < part["of"] or result["state"] != "graded"
            words = _words(result, result["early"] if part["visible"] else result) if lost else "Right."
            tests.append({
                "name": f"{result['title']}{': ' + part['name'] if part['name'] else ''}",
                "number": f"{place}.{part_number}",
                "score": part["points"], "max_score": part["of"], "status": "failed" if lost else "passed",
                "output": words, "output_format": "md", "tags": [result["name"], result["state"]],
                "visibility": "visible" if part["visible"] else "after_due_date"})
    later = sum(part["of"] for result in record["exercises"] for part in result["parts"] if not part["visible"])
    words = [{"graded": "", "stopped": "Some of your code had to be stopped.",
              "missing": "No answer was found in your file.",
              "unreadable": "Your file could not be read; hand in a whole notebook.",
              "other homework": "Nothing was graded."}[record["state"]]]
    words += record["notes"]
    if later:
        words.append(f"Decided after the due date: {in_points(later)} of {number(record['of'])}.")
    if record["by_hand"]:
        words.append(f"Given by a person: {in_points(sum(task['of'] for task in record['by_hand']))}.")
    return {"output": "\n\n".join(word for word in words if word), "output_format": "md", "visibility": "visible",
            "stdout_visibility": "hidden", "tests": tests, "extra_data": {"state": record["state"]}}


def _words(result, told):
    rows = [f"**{label or 'There'}**: {without_paths(text, result['source'])}" for label, text in told["rows"]]
    return "\n\n".join([told["headline"], *rows, *result["notes"]])


def secret_of(folder):
    """Read the secret that a bundle carries beside its assignment."""
    return (Path(folder) / "secret.txt").read_text(encoding="utf-8").strip()


def bundle(source, secret=None):
    """Pack the autograder of an assignment.

    Parameters
    ----------
    source : path-like
        The assignment's notebook: the source, or what students get.
    secret : str, optional
        From which inputs are drawn, the same for the whole class; a new one is made if left out.

    Returns
    -------
    bytes
        A zip file with ``setup.sh`` and ``run_autograder`` at its root.
    """
    source = Path(source)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        def add(name, data, executable=False):
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))  # the same bundle from the same course
            info.external_attr = (0o100755 if executable else 0o100644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)

        for name in ("setup.sh", "run_autograder"):
            add(name, _script(name, source.stem), executable=True)
        add(f"assignment/{source.name}", source.read_bytes())
        add("assignment/secret.txt", (secret or secrets.token_hex(16)).encode() + b"\n")
        for path in sorted((_ROOT / "course_utils").rglob("*.py")):
            add(path.relative_to(_ROOT).as_posix(), path.read_bytes())
    return out.getvalue()


def _script(name, assignment):
    wanted = requirements.wanted()
    first, end = (re.search(rf"{sign}3\.(\d+)", wanted["python"])[1] for sign in (">=", "<"))
    packages = [f"'{package}{wanted[package]}'" for package in _PACKAGES] + [f"'{p}'" for p in _NOT_OF_THE_COURSE]
    text = (_BUNDLE / name).read_text(encoding="utf-8")
    for mark, word in {"FIRST": first, "LAST": str(int(end) - 1), "PACKAGES": " ".join(packages),
                       "ASSIGNMENT": assignment}.items():
        text = text.replace(f"__{mark}__", word)
    return text


def write_results(record, root):
    """Put results.json where Gradescope looks for it."""
    folder = Path(root) / "results"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results(record), indent=1), encoding="utf-8")

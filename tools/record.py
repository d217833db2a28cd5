"""Record notebooks: execute each one as it stands and store what a reader without a kernel needs.

    python tools/record.py                          every notebook of the course
    python tools/record.py notebooks/02_softmax.ipynb
    python tools/record.py --check                  write nothing, name the cells that would change

Homework has one source, in docs/teaching/homework/, with solutions: recording it runs it, as a proof, and stores it
without outputs. What students get, the file of the same name in notebooks/homework/, is made from it by nbgrader's
steps (`homework release`), run with its stubs as they are, and stored with what it shows.

The stored file depends on the cells alone: no time, no random id, no path and no version is in it, so that
recording twice gives the same bytes and a diff shows what changed for the reader. The state of the live
figures goes in, which keeps them alive without a kernel. A notebook is not saved when a cell fails, prints to
stderr, or shows an object's address or a path of this machine.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[1]
OFFLINE = ROOT / "tests" / "offline"  # the guard that closes a kernel's sockets
SOURCES = ROOT / "docs" / "teaching" / "homework"
STUDENTS = ROOT / "notebooks" / "homework"
sys.path.insert(0, str(ROOT))

from course_utils.classroom.lab.kernels import run_notebook  # noqa: E402

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
WIDGETS = "application/vnd.jupyter.widget-state+json"
MODEL_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
KEPT = ("nbgrader", "slideshow", "tags")  # of a cell's metadata
LOCKS = ("deletable", "editable")  # kept where they are False: homework's cells that stay as they are
# JupyterLab opens a cell with these folded, and unfolds it when it is run, by hand or with all others.
FOLDED = {"collapsed": True, "jupyter": {"outputs_hidden": True}}


class NotRecordable(Exception):
    """The notebook ran, but what came out must not be stored."""


def _short_hash(*parts, length=8):
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:length]


def number_cells(notebook):
    """Name each cell by its content, so that moving or adding one leaves the others' names alone."""
    seen = Counter()
    for cell in notebook.cells:
        key = (cell.cell_type, cell.source)
        cell["id"] = _short_hash(*key, str(seen[key]))
        seen[key] += 1


def rename_models(notebook, name):
    """Replace the random ids of widget models by ones made of the notebook's name and their order."""
    state = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    new = {old: _short_hash(name, str(i), length=32) for i, old in enumerate(state)}
    renamed = MODEL_ID.sub(lambda match: new.get(match[0], match[0]), json.dumps(notebook))
    return nbformat.from_dict(json.loads(renamed))


def merge_streams(outputs):
    """Join neighbouring pieces of one stream: where a flush falls in between depends on the machine."""
    merged = []
    for output in outputs:
        last = merged[-1] if merged else {}
        if output.output_type == "stream" and output.name == last.get("name"):
            last["text"] += output.text
        else:
            merged.append(output)
    return merged


def normalise(notebook, name):
    """Return the file's text for an executed notebook: only what depends on the cells."""
    kept = {key: notebook.metadata[key] for key in ("homework", "widgets") if notebook.metadata.get(key)}
    notebook.metadata = nbformat.from_dict(METADATA | kept)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    if "homework" not in kept:  # there ids are names, which stay the same in what students hand in
        number_cells(notebook)
    for cell in notebook.cells:
        locks = {k: False for k in LOCKS if cell.metadata.get(k) is False}
        cell.metadata = nbformat.from_dict(locks | {k: cell.metadata[k] for k in KEPT if cell.metadata.get(k)})
        if cell.cell_type == "code":
            if "answer" in cell.metadata.get("tags", []):  # what answers a prediction is not on the same screen
                cell.metadata.update(nbformat.from_dict(FOLDED))
            cell.outputs = merge_streams(cell.outputs)
    return nbformat.writes(rename_models(notebook, name)) + "\n"


def find_faults(notebook):
    """Say why an executed notebook must not be stored: a list of sentences, empty when it may."""
    private = {str(ROOT), str(Path.home()), sys.prefix, sys.base_prefix, tempfile.gettempdir()}
    faults = []
    for i, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                faults.append(f"cell {i} printed to stderr: {output.text.strip()[-300:]}")
            data = output.get("data", {})
            texts = {k: v for k, v in data.items() if not k.startswith("image/")}
            shown = output.get("text", "") + json.dumps(texts)
            if " at 0x" in shown:
                faults.append(f"cell {i} shows an object's address, which changes with every run")
            faults += [f"cell {i} shows a path of this machine: {path}" for path in sorted(private)
                       if path not in ("/", "/usr") and path + "/" in shown]
    return faults


def _to_record(path):
    """The cells to run: of a homework's student version those that its source gives."""
    source = SOURCES / path.name
    if path.parent != STUDENTS or not source.is_file():
        return nbformat.read(path, as_version=4)
    from course_utils.classroom.grading.release import released  # nbgrader is needed for homework only

    return nbformat.reads(released(source), as_version=4)


def record(path, timeout=300):
    """Execute one notebook and return the text its file should have."""
    path = Path(path).resolve()
    notebook = _to_record(path)
    with tempfile.TemporaryDirectory() as private:
        path_of_modules = [str(OFFLINE), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        run_notebook(notebook, path.parent, timeout=timeout, env={
            "COURSE_PROGRESS": os.path.join(private, "progress.json"), "IPYTHONDIR": private,
            "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(path_of_modules)})
    if faults := find_faults(notebook):
        raise NotRecordable("\n".join(faults))
    text = normalise(notebook, path.stem)
    return without_outputs(text) if path.parent == SOURCES else text


def without_outputs(text):
    """Take from a recorded notebook what running it brought: as `homework release` writes it."""
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        for folded in FOLDED:
            cell.metadata.pop(folded, None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(notebook) + "\n"


def _all_notebooks():
    """All that are recorded, students' versions of homework that are not there yet among them."""
    found = {path for folder in (ROOT / "notebooks", SOURCES) for path in folder.rglob("*.ipynb")
             if ".ipynb_checkpoints" not in path.parts}
    return sorted(found | {STUDENTS / path.name for path in found if path.parent == SOURCES})


def differing_cells(stored, fresh):
    """Name the cells in which two texts of a notebook differ."""
    a, b = json.loads(stored), json.loads(fresh)
    if len(a["cells"]) != len(b["cells"]):  # only a homework's source can add or remove one
        return [f"{len(b['cells'])} cells instead of {len(a['cells'])}"]
    pairs = zip(a["cells"], b["cells"])
    cells = [f"cell {i}: {', '.join(k for k in y if x.get(k) != y[k]) or 'fields removed'}"
             for i, (x, y) in enumerate(pairs) if x != y]
    return cells + (["metadata (kernel, widget state)"] if a["metadata"] != b["metadata"] else [])


def main(argv=None):
    """Run the command line; return 1 when a notebook failed or differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK",
                        help="default: all in notebooks/, and the sources of homework")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file would change")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one cell (default 300)")
    args = parser.parse_args(argv)
    paths = args.notebooks or _all_notebooks()
    if not paths:
        parser.error("no notebook found in notebooks/")
    failed = 0
    for path in paths:
        new = not path.exists()
        stored = "" if new else path.read_text(encoding="utf-8")
        try:
            fresh = record(path, args.timeout)
        except (CellExecutionError, NotRecordable) as error:
            print(f"{path}: not recorded\n{error}", file=sys.stderr)
            failed += 1
            continue
        if fresh == stored:
            print(f"{path}: unchanged")
        elif args.check:
            told = ["is not there"] if new else differing_cells(stored, fresh)
            print(f"{path}: differs", *told, sep="\n  ")
            failed += 1
        else:
            path.parent.mkdir(exist_ok=True)
            partial = path.with_suffix(".ipynb.part")
            partial.write_text(fresh, encoding="utf-8", newline="\n")
            os.replace(partial, path)
            print(f"{path}: recorded, {len(fresh) // 1024} kB")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

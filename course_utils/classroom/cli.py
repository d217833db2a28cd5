"""The course's command line: ``python -m course_utils COMMAND``, installed as ``attention-course`` too."""

from __future__ import annotations

import argparse
import atexit
import gc
import importlib
import os
import sys

__all__ = ["COMMANDS", "main"]

# command -> (module, what it does). A module offers add_arguments(parser) and run(args) -> exit code, and is
# imported only when its command is called: the doctor must answer where NumPy or PyTorch is what is missing.
COMMANDS = {
    "lab": ("course_utils.classroom.lab.start", "open JupyterLab at the first notebook"),
    "doctor": ("course_utils.classroom.lab.doctor", "say in plain words what is missing on this machine"),
    "models": ("course_utils.classroom.lab.models", "get the two pretrained models of notebook 13 (about 180 MB)"),
    "progress": ("course_utils.learner.overview", "show which exercises you have passed and what comes next"),
    "update": ("course_utils.classroom.lab.update", "fetch the course's new version; your notebooks stay as they are"),
    "carry": ("course_utils.classroom.lab.carry", "take your answers over into the new version of a lesson"),
    "bank": ("course_utils.exercises.bank", "table of known mistakes and right answers, each with its verdict"),
    "pace": ("course_utils.classroom.pace", "count how long each lesson takes, by the written rule"),
    "export": ("course_utils.classroom.pages.export",
               "write a notebook as one page that needs no kernel and no network"),
    "site": ("course_utils.classroom.site.build", "write the whole course as a site, for a server or a folder"),
    "slides": ("course_utils.classroom.pages.slides",
               "write the lessons as slides with live figures, for a lecture without a network"),
    "homework": ("course_utils.classroom.grading.commands", "give homework out, grade it safely, tell students why"),
    "bench": ("course_utils.classroom.bench.promises", "measure every figure the course promises, beside its bar"),
}


def _parser() -> argparse.ArgumentParser:
    width = max(len(name) for name in COMMANDS)
    listing = "\n".join(f"  {name:{width}}  {what}" for name, (_, what) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="attention-course",
        usage="%(prog)s COMMAND [options]",
        description="Attention, from dot products to transformers, in notebooks.",
        epilog=f"commands:\n{listing}\n\nEach command explains itself: %(prog)s COMMAND --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help=argparse.SUPPRESS)
    return parser


def main(argv=None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : list of str, optional
        The command and its options; what the shell was given if left out.

    Returns
    -------
    int
        0 if all is well, 1 if the command found something wrong, 2 if it was called wrongly.
    """
    atexit.register(gc.freeze)  # at the end Python looks through all of PyTorch for garbage, which takes half a second
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    if not argv:
        parser.print_help()
        return 2
    name = parser.parse_args(argv[:1]).command
    module_name, what = COMMANDS[name]
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as missing:
        part = (missing.name or "").split(".")[0]
        print(f"`{name}` needs {missing.name}, which is not installed.", file=sys.stderr)
        if part != "course_utils":
            print("To see all that is missing: python -m course_utils doctor", file=sys.stderr)
        return 1
    options = argparse.ArgumentParser(prog=f"attention-course {name}", description=what[0].upper() + what[1:] + ".")
    module.add_arguments(options)
    try:
        return module.run(options.parse_args(argv[1:])) or 0
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader left, as in `... bank | head`; nothing more can be said to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141

"""``python -m course_utils update``: fetch the course's new version by git, with the learner's work out of its way.

A lesson that was opened in ``notebooks/`` itself is a file that git knows and refuses to overwrite. It is copied to
``my_notebooks/`` first, and only then put back to what git has.
"""

import os
import subprocess
import sys
from pathlib import Path

from course_utils.classroom.lab.start import course_folder
from course_utils.learner import working_copies

__all__ = ["add_arguments", "keep_copy", "run"]


class _Refused(Exception):
    """Why nothing is fetched, in lines for the learner."""


def _git(course, *arguments):
    done = subprocess.run(["git", *arguments], cwd=course, capture_output=True)
    if done.returncode:
        raise _Refused(f"git {arguments[0]}: {os.fsdecode(done.stderr).strip()}", "Nothing of yours is lost.")
    return os.fsdecode(done.stdout)


def add_arguments(parser):
    """Add no options: there is one way to do it safely."""


def run(args):
    """Fetch, keep what the learner has changed, move on to the new version, lay the new lessons."""
    course = course_folder()
    try:
        if course is None or not (course / ".git").exists():
            raise _Refused("This folder is no git clone. Unpack the new version of the course over it:",
                           f"what is yours, {working_copies.FOLDER}/ and progress*.jsonl, is not in it.")
        before, after = _versions(course)
        for path in _changed(course):
            _keep(course, path)
        if before != after:
            _git(course, "merge", "--ff-only", "--quiet", after)
    except _Refused as refused:
        print(*refused.args, sep="\n", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Your work could not be copied ({error}), so nothing was fetched.", file=sys.stderr)
        return 1
    print("This is the newest version already." if before == after
          else f"The course is up to date: {before[:7]} became {after[:7]}. `make lab` installs what is new with it.")
    for pair in working_copies.lay(course):
        print(pair)
    return 0


def _versions(course):
    """The commit that is here and the newest one, after a look at the place where the course comes from."""
    _git(course, "fetch", "--quiet")
    before, after = (_git(course, "rev-parse", name).strip() for name in ("HEAD", "@{upstream}"))
    if _git(course, "merge-base", before, after).strip() not in (before, after):
        raise _Refused("This clone has commits of its own (a JupyterHub's nbgitpuller makes some).",
                       "Nothing was fetched. Merge by hand, or use the link that fetched the course.")
    if _git(course, "merge-base", before, after).strip() == after:
        after = before
    return before, after


def _changed(course):
    """Notebooks that were changed where git knows them; anything else that was changed stops the update."""
    listed = _git(course, "diff", "--name-only", "-z", "--relative", "HEAD").split("\0")
    paths = [Path(name) for name in listed if name and (course / name).exists()]
    others = [path.as_posix() for path in paths if path.parts[0] != "notebooks" or path.suffix != ".ipynb"]
    if others:
        raise _Refused(f"Changed here, and no notebooks: {', '.join(others)}.",
                       "Commit them, or put them back with `git checkout -- NAME`; then run this again.")
    return paths


def _keep(course, path):
    """Copy one changed notebook to the learner's folder, then put it back to what git has."""
    content = (course / path).read_bytes()
    kept = keep_copy(course, path, content)
    if kept.read_bytes() != content:
        raise _Refused(f"{kept} does not hold what {path} does. Nothing was fetched.")
    _git(course, "checkout", "--quiet", "HEAD", "--", path.as_posix())
    print(f"Your {path.as_posix()} is kept as {kept.relative_to(course).as_posix()}.")


def keep_copy(course, path, content):
    """Put a notebook that the learner worked in into their folder, under a name that is free.

    Parameters
    ----------
    course : Path
    path : Path
        ``notebooks/NN_name.ipynb`` or ``notebooks/homework/hwN_name.ipynb``, relative to `course`.
    content : bytes
        What it holds.

    Returns
    -------
    Path
        Where it lies now.
    """
    folder = course / working_copies.FOLDER
    place = folder / path.relative_to("notebooks")
    same = [other for other in place.parent.glob(f"{path.stem}*.ipynb") if other.read_bytes() == content]
    if same:
        return same[0]
    if path.parent == Path("notebooks") and not place.exists():
        working_copies.lay_version(folder, path.name, content, working_copies.course_version(course, course / path))
        return place
    free = working_copies.free_name(place, "worked") if place.exists() else place
    working_copies.copy_new(free, content)
    return free

"""``python -m course_utils homework``: give an assignment out, look at it before handing in, grade, report, export."""

import argparse
import json
import sys
from pathlib import Path

from course_utils.learner import working_copies

__all__ = ["add_arguments", "run"]

_ABOUT = """
release     write the student version of an assignment
preflight   look at one's own notebook as the grader will, before handing it in
grade       grade a folder or zip file of notebooks: records, gradebook.csv
written     write the table for points by hand, or read it back
report      write a feedback page for each student and a report on the class
export      fill in Canvas's or Moodle's file, or pack a bundle for Gradescope
remove      take results of single students back
merge       put results of parts of a class into one folder
"""


def add_arguments(parser):
    """Add the subcommands and their options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = f"{parser.description or ''}\n{_ABOUT}"
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def command(name, about, action):
        sub = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        sub.set_defaults(do=action)
        return sub

    sub = command("release", "write the student version of an assignment", _release)
    sub.add_argument("assignment", help="its name, or a source notebook of your own")
    sub.add_argument("folder", help="where the student version is written")
    sub.add_argument("--replace", "--force", action="store_true", help="overwrite what is there")

    sub = command("preflight", "look at a notebook as the grader will", _preflight)
    sub.add_argument("notebook", help="your notebook; its name is enough if it lies in my_notebooks/")
    sub.add_argument("--assignment", help="the assignment as it was given out; by the notebook's name if left out")

    sub = command("grade", "grade a folder or a zip file of notebooks", _grade)
    sub.add_argument("assignment", help="its name, or its notebook: the source or what students get")
    sub.add_argument("submissions", help="folder or zip file, as Canvas, Moodle, nbgrader or people lay them out")
    sub.add_argument("folder", help="for the results of this assignment; a run that was interrupted goes on there")
    sub.add_argument("--jobs", type=_at_least_one, default=1,
                     help="how many to grade at the same time (Linux; at most one for each processor)")
    sub.add_argument("--due", type=_moment, help='deadline, such as "2026-03-01 23:59" or "2026-03-01 23:59 +01:00"')
    sub.add_argument("--zone", default="UTC", help='time zone of times without one, such as "Europe/Berlin"; UTC if '
                                                   "left out")
    sub.add_argument("--roster", metavar="FILE", help="CSV file with everybody who is expected")
    sub.add_argument("--id-column", metavar="NAME", help="its column with the ids, if it is not found")
    sub.add_argument("--extensions", metavar="FILE", help='CSV file: id, own deadline or the word "excused"')
    sub.add_argument("--times", metavar="FILE", help="CSV file: id, and when the work came in")
    sub.add_argument("--file-times", action="store_true",
                     help="take the time of a file for that of handing in; it is often that of the download")
    sub.add_argument("--who", metavar="FILE", help="CSV file that puts owners right: path or id as found, id, name")
    sub.add_argument("--pattern", help="regular expression with a group (?P<student>...) for paths of submissions")
    sub.add_argument("--secret", metavar="FILE", help="secret.txt of another part of the class, graded elsewhere")
    sub.add_argument("--regrade", action="store_true", help="grade again what is graded already")
    sub.add_argument("--replace", action="store_true", help="take back the results of everybody who is not in this run")
    sub.add_argument("--dry-run", action="store_true", help="say who is who and what is late, and grade nothing")

    sub = command("written", "write the table for points by hand, or read it back", _written)
    sub.add_argument("folder", help="results of `grade`")
    sub.add_argument("table", nargs="?", help="the table, filled in; left out, it is written to FOLDER/written.csv")
    sub.add_argument("--replace", action="store_true", help="write over a table that is there")

    sub = command("report", "write feedback pages and the report on the class", _report)
    sub.add_argument("folder", help="results of `grade`")
    sub.add_argument("--before-deadline", action="store_true", help="leave out what is decided after the deadline")

    sub = command("export", "fill in a platform's file, or pack a bundle for Gradescope", _export)
    sub.add_argument("form", choices=("canvas", "moodle", "gradescope"))
    sub.add_argument("source", help="results of `grade`; for Gradescope the assignment's name or its notebook")
    sub.add_argument("output", help="the file to write")
    sub.add_argument("--template", help="the gradebook (Canvas) or grading worksheet (Moodle) that you exported there")
    sub.add_argument("--column", metavar="NAME", help="its column for these points, if it is not found")
    sub.add_argument("--partial", action="store_true", help="let totals leave although written answers are open")
    sub.add_argument("--secret", metavar="FILE", help="secret.txt of results, for Gradescope's bundle")
    sub.add_argument("--replace", action="store_true", help="overwrite the file that is there")

    sub = command("remove", "take results of single students back", _remove)
    sub.add_argument("folder", help="results of `grade`")
    sub.add_argument("students", nargs="+", metavar="ID", help="the students' ids, as in the gradebook")

    sub = command("merge", "put results of parts of a class into one folder", _merge)
    sub.add_argument("folder", help="for the whole class")
    sub.add_argument("parts", nargs="+", metavar="PART", help="results of `grade` for a part")

    sub = command("gradescope", "grade the one submission of a Gradescope container", _gradescope)
    sub.add_argument("assignment")
    sub.add_argument("root", help="/autograder")


def run(args):
    """Do one of them.

    Returns
    -------
    int
        0 if all is well, 1 if something needs a person's eyes, 2 for what cannot be done.
    """
    # nbformat brings a checker of URIs whose grammars take a second and a half to build; notebooks need none.
    sys.modules.setdefault("rfc3987_syntax", None)
    try:
        return args.do(args)
    except ModuleNotFoundError as missing:
        _say(f"homework {args.action} needs {missing.name}, which is not installed here. Teachers get it with: "
              "python -m pip install nbgrader", file=sys.stderr)
        return 2
    except (ValueError, RuntimeError, OSError) as error:
        _say(f"homework {args.action}: {error}", file=sys.stderr)
        return 2


def _release(args):
    from course_utils.classroom.grading import assignment, release

    source, folder = assignment.find(args.assignment, assignment.SOURCES), Path(args.folder)
    path = folder / source.name
    if path.exists() and not args.replace:
        raise ValueError(f"{path} is there already; --replace overwrites it")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(release.released(source), encoding="utf-8")
    _say(f"{path} is what students get. Points in it: {release.points_in(path):g}.")
    return 0


def _preflight(args):
    from course_utils.classroom.grading import assignment, preflight

    path = _students_own(Path(args.notebook))
    wanted = assignment.find(args.assignment) if args.assignment else assignment.called(path.name)
    lines, good = preflight.preflight(path, assignment.load(wanted))
    _say("\n".join(lines))
    return int(not good)


def _say(text, **options):
    """Print what may hold names that others chose."""
    from course_utils.classroom.grading.words import printable

    print(printable(str(text)), **options)


def _students_own(path):
    """The notebook as it was named; by its name alone also in the folder where `lab` keeps a student's notebooks."""
    from course_utils.classroom.lab import start

    mine = (start.course_folder() or Path.cwd()) / working_copies.FOLDER
    named = [path, path.with_name(f"{path.name}.ipynb")]
    if len(path.parts) == 1:
        named += [folder / other.name for folder in (mine / "homework", mine) for other in named[:2]]
    return next((other for other in named if other.is_file()), path)


def _grade(args):
    from course_utils.classroom.grading import forks
    from course_utils.classroom.grading.child import processors

    if args.dry_run:
        return _grade_in(args, None)
    args.jobs = min(args.jobs, processors.count())
    with forks.Nursery(args.jobs) as nursery:  # while it imports what answers need, so do we what judging needs
        return _grade_in(args, nursery)


def _grade_in(args, nursery):
    from course_utils.classroom.grading import assignment, gradebook, owners, results, runs

    args.assignment = assignment.find(args.assignment)
    homework = assignment.load(args.assignment)
    folder = results.Results(args.folder, homework.name, _secret(args.secret))
    found, class_, said = owners.who_is_who(args, homework)
    if args.dry_run:
        _say("\n".join(owners.described(found, class_, said)))
        _say(f"{len(found)} submissions would be graded on {homework.points} points; nothing was written.")
        return int(bool(found.unplaced))
    with folder.in_use():
        if args.replace:
            here = {submission.student for submission in found}
            folder.remove([record["student"] for record in folder.each() if record["student"] not in here])
        result = runs.grade(homework, found, folder, jobs=args.jobs, class_=class_,
                            hidden=[args.submissions, args.assignment], nursery=nursery, tell=_progress,
                            regrade=args.regrade)
        records = folder.each()
        results.write_atomically(folder.folder / "gradebook.csv", gradebook.gradebook(records))
    if result.fences:
        _say(f"Answers ran behind: {', '.join(result.fences)}.")
    others = len(records) - result.graded - result.kept
    for student, why in result.failed:
        _say(f"  {student!r} {why}. No record is kept: the same command tries again")
    _say(f"{result.graded} graded, {result.kept} kept from before"
          + (f", {others} others in the folder" if others else "") + f": {folder.folder / 'gradebook.csv'}")
    for place, why in found.unplaced:
        _say(f"  nobody's: {place}: {why}")
    if found.unplaced:
        _say("  A table with two columns, path and id, says whose they are: --who FILE")
    all_well = True
    for record in records:
        all_well &= record["state"] in ("graded", "excused")
        if record["state"] != "graded" or record["notes"]:
            notes = f"; {' '.join(record['notes'])}" if record["notes"] else ""
            _say(f"  {results.label(record)}: {record['state']}{notes}")
    if not class_.names:
        _say("  No class list was given (--roster), so nobody is reported missing.")
    lost = found.unplaced and not args.pattern  # who gives a pattern says what is to be left out
    return int(bool(lost or result.failed) or not all_well)


def _secret(path):
    """Read the secret of another part of the class."""
    if not path:
        return None
    words = Path(path).read_text(encoding="utf-8").split()
    if len(words) != 1 or len(words[0]) < 16:
        raise ValueError(f"{path} should hold one word of at least 16 letters, as secret.txt among results does")
    return words[0]


def _written(args):
    from course_utils.classroom.grading import gradebook, results, written
    from course_utils.classroom.grading.tables import read_table

    folder = results.Results(args.folder)
    if not args.table:
        path = folder.folder / "written.csv"
        _keep_old(path, args.replace)
        # Excel knows UTF-8 by this mark.
        results.write_atomically(path, "\ufeff" + written.sheet(folder.records()))
        _say(f"{path}: fill in the columns points and comment, then: homework written {args.folder} {path}")
        return 0
    with folder.in_use():
        marks = written.read_marks(read_table(args.table), folder.records())
        folder.add_marks(marks)
        records = folder.each()
        results.write_atomically(folder.folder / "gradebook.csv", gradebook.gradebook(records))
    waiting = sum(gradebook.open_points(r) for r in records if r["state"] not in gradebook.NOT_GRADED)
    _say(f"{sum(map(len, marks.values()))} answers of {len(marks)} students have points now; "
          f"{gradebook.in_points(waiting)} still open.")
    return 0


def _keep_old(path, replace):
    if Path(path).exists() and not replace:
        raise ValueError(f"{path} is there already; --replace overwrites it")


def _remove(args):
    from course_utils.classroom.grading import gradebook, results

    folder = results.Results(args.folder)
    with folder.in_use():
        absent = folder.remove(args.students)
        results.write_atomically(folder.folder / "gradebook.csv", gradebook.gradebook(folder.each()))
    for student in absent:
        _say(f"  no results of {student!r}", file=sys.stderr)
    _say(f"{len(args.students) - len(absent)} taken back; they lie in {folder.folder / 'removed'}. Pages and exports "
          "that were made before still show them: make them again.")
    return int(bool(absent))


def _merge(args):
    from course_utils.classroom.grading import gradebook, results

    whole = results.merge(args.folder, args.parts)
    records = whole.each()
    results.write_atomically(whole.folder / "gradebook.csv", gradebook.gradebook(records))
    _say(f"{len(records)} students in {whole.folder / 'gradebook.csv'}")
    return 0


def _progress(done, total, left):
    if sys.stderr.isatty() or done == total:
        bar = "█" * (20 * done // total)
        end = "\n" if done == total else "\r"
        print(f"{bar:░<20} {done} of {total}, {left:.0f} s left ", end=end, file=sys.stderr, flush=True)


def _report(args):
    from course_utils.classroom.grading import class_report, pages, results

    folder = results.Results(args.folder)
    records = folder.records()
    out = folder.folder / "feedback"
    out.mkdir(exist_ok=True)
    wanted = {results.file_name(record["student"], ".html"): record for record in records}
    for name, record in wanted.items():
        results.write_atomically(out / name, pages.feedback_page(record, show_all=not args.before_deadline))
    for path in out.glob("*.html"):
        if path.name not in wanted:
            path.unlink()  # of a student whose results were taken back
    results.write_atomically(folder.folder / "class.html", class_report.class_report(records))
    _say(f"{len(records)} pages in {out}, the class in {folder.folder / 'class.html'}")
    return 0


def _export(args):
    from course_utils.classroom.grading import assignment, gradebook, gradescope, results
    from course_utils.classroom.grading.tables import read_table

    output = Path(args.output)
    _keep_old(output, args.replace)
    if args.form == "gradescope":
        output.write_bytes(gradescope.bundle(assignment.find(args.source), _secret(args.secret)))
        _say(f"{output}: upload it as the autograder of a programming assignment.")
        return 0
    if not args.template:
        raise ValueError(f"--template should name the file that you exported from {args.form.title()}")
    records = results.Results(args.source).records()
    waiting = [r for r in records if r["state"] not in gradebook.NOT_GRADED and gradebook.open_points(r)]
    if waiting and not args.partial:
        raise ValueError(f"these totals are partial: written answers of {len(waiting)} students have no points yet. "
                         f"`homework written {args.source}` writes the table for them; --partial lets the totals leave")
    fill = gradebook.canvas if args.form == "canvas" else gradebook.moodle
    text, unplaced = fill(records, read_table(args.template), args.column)
    results.write_atomically(output, text)
    _say(f"{output} can be imported: {len(records) - len(unplaced)} of {len(records)} students"
          + (f", partial totals of {len(waiting)}." if waiting else "."))
    for student, why in unplaced:
        _say(f"  not placed: {student}: {why}")
    return int(bool(unplaced))


def _gradescope(args):
    from course_utils.classroom.grading import assignment, forks, gradescope, marking, submissions
    from course_utils.classroom.grading.notebooks import Unreadable

    homework = assignment.load(args.assignment)
    root = Path(args.root)
    found = submissions.the_one(root / "submission", homework.name)
    try:
        student = str(json.loads((root / "submission_metadata.json").read_text(encoding="utf-8"))["users"][0]["id"])
    except (OSError, ValueError, LookupError, TypeError):
        student = ""
    with forks.Zygote(allowed=homework.allowed, given=homework.given, hidden=[root]) as zygote:
        try:
            data = found.read() if found else Unreadable("is not there")
        except Unreadable as why:
            data = why
        secret = gradescope.secret_of(Path(args.assignment).parent)
        gradescope.write_results(marking.mark(data, homework, student, zygote, secret=secret), root)
    return 0


def _at_least_one(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is wanted, got {text!r}")
    return int(text)


def _moment(text):
    """A moment as it was typed, which is read once its zone is known."""
    from course_utils.classroom.grading.moments import moment

    try:
        moment(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text

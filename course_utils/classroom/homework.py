"""``python -m course_utils homework``: give an assignment out, look at it before handing in, grade, report, export."""

import argparse
import calendar
import csv
import json
import sys
import time
from pathlib import Path

__all__ = ["add_arguments", "run"]

_ABOUT = """
release     write the student version of an assignment
preflight   look at one's own notebook as the grader will, before handing it in
grade       grade a folder or zip file of notebooks: records, gradebook.csv
report      write a feedback page for each student and a report on the class
export      fill in Canvas's or Moodle's file, or pack a bundle for Gradescope
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
    sub.add_argument("assignment", help="the source notebook, notebooks/homework/hwN_name.ipynb")
    sub.add_argument("folder", help="where the student version is written")
    sub.add_argument("--force", action="store_true", help="overwrite what is there")

    sub = command("preflight", "look at a notebook as the grader will", _preflight)
    sub.add_argument("notebook", help="your notebook")
    sub.add_argument("--assignment", help="the assignment as it was given out; by the notebook's name if left out")

    sub = command("grade", "grade a folder or a zip file of notebooks", _grade)
    sub.add_argument("assignment", help="the source notebook")
    sub.add_argument("submissions", help="folder or zip file, as Canvas, Moodle, nbgrader or people lay them out")
    sub.add_argument("folder", help="for the results; a run that was interrupted goes on there")
    sub.add_argument("--jobs", type=_at_least_one, default=1,
                     help="how many to grade at the same time (Linux; at most one for each processor)")
    sub.add_argument("--due", type=_moment, help='deadline in UTC, such as "2026-03-01 23:59"')
    sub.add_argument("--roster", help="CSV file whose first column names every student who is expected")
    sub.add_argument("--pattern", help="regular expression with a group (?P<student>...) for paths of submissions")
    sub.add_argument("--regrade", action="store_true", help="grade again what is graded already")
    sub.add_argument("--dry-run", action="store_true", help="say what would be graded, and grade nothing")

    sub = command("report", "write feedback pages and the report on the class", _report)
    sub.add_argument("folder", help="results of `grade`")
    sub.add_argument("--before-deadline", action="store_true", help="leave out what is decided after the deadline")

    sub = command("export", "fill in a platform's file, or pack a bundle for Gradescope", _export)
    sub.add_argument("form", choices=("canvas", "moodle", "gradescope"))
    sub.add_argument("source", help="results of `grade`; for Gradescope the assignment's source notebook")
    sub.add_argument("output", help="the file to write")
    sub.add_argument("--template", help="the gradebook (Canvas) or grading worksheet (Moodle) that you exported there")

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
        print(f"homework {args.action} needs {missing.name}, which is not installed here. Teachers get it with: "
              "python -m pip install nbgrader", file=sys.stderr)
        return 2
    except (ValueError, RuntimeError, OSError) as error:
        print(f"homework {args.action}: {error}", file=sys.stderr)
        return 2


def _release(args):
    from course_utils.classroom.grading import release

    source, folder = Path(args.assignment), Path(args.folder)
    path = folder / source.name
    if path.exists() and not args.force:
        raise ValueError(f"{path} is there already; --force overwrites it")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(release.released(source), encoding="utf-8")
    print(f"{path} is what students get. Points in it: {release.points_in(path):g}.")
    return 0


def _preflight(args):
    from course_utils.classroom.grading import assignment, preflight

    path = Path(args.notebook)
    lines, good = preflight.preflight(path, assignment.load(args.assignment or _by_name(path)))
    print("\n".join(lines))
    return int(not good)


def _by_name(path):
    folder = Path(__file__).parents[2] / "notebooks" / "homework"
    found = folder / path.name
    if not found.is_file():
        names = ", ".join(sorted(p.name for p in folder.glob("hw*.ipynb"))) or "none"
        raise ValueError(f"no assignment is called {path.name} (there is {names}); name it with --assignment")
    return found


def _grade(args):
    from course_utils.classroom.grading import forks
    from course_utils.classroom.grading.child import processors

    if args.dry_run:
        return _grade_in(args, None)
    args.jobs = min(args.jobs, processors.count())
    with forks.Nursery(args.jobs) as nursery:  # while it imports what answers need, so do we what judging needs
        return _grade_in(args, nursery)


def _grade_in(args, nursery):
    from course_utils.classroom.grading import assignment, gradebook, runs, submissions

    homework = assignment.load(args.assignment)
    found = submissions.collect(args.submissions, homework.name, args.pattern)
    folder, roster = Path(args.folder), _roster(args.roster)
    if not found and not roster:
        raise ValueError(f"no submission was found in {args.submissions}; --pattern tells where to look")
    if args.dry_run:
        for submission in found:
            print(f"{submission.student}: {submission.place}")
        print(f"{len(found)} submissions would be graded on {homework.points} points; nothing was written.")
        return 0
    result = runs.grade(homework, found, folder / "records", jobs=args.jobs, due=args.due, roster=roster,
                        hidden=[args.submissions, args.assignment], nursery=nursery, tell=_progress,
                        regrade=args.regrade)
    runs.write_atomically(folder / "gradebook.csv", gradebook.gradebook(result.records))
    eyes = [record for record in result.records if record["state"] != "graded" or record["notes"]]
    if result.fences:
        print(f"Answers ran behind: {', '.join(result.fences)}.")
    print(f"{result.graded} graded, {result.kept} kept from before: {folder / 'gradebook.csv'}")
    for record in eyes:
        print(f"  {record['student']}: {record['state']}{'; ' + ' '.join(record['notes']) if record['notes'] else ''}")
    return int(any(record["state"] != "graded" for record in result.records))


def _progress(done, total, left):
    if sys.stderr.isatty() or done == total:
        bar = "█" * (20 * done // total)
        end = "\n" if done == total else "\r"
        print(f"{bar:░<20} {done} of {total}, {left:.0f} s left ", end=end, file=sys.stderr, flush=True)


def _report(args):
    from course_utils.classroom.grading import class_report, pages, runs

    folder = Path(args.folder)
    records = runs.records_in(folder / "records")
    out = folder / "feedback"
    out.mkdir(exist_ok=True)
    for record in records:
        page = pages.feedback_page(record, show_all=not args.before_deadline)
        runs.write_atomically(out / runs.file_name(record["student"], ".html"), page)
    runs.write_atomically(folder / "class.html", class_report.class_report(records))
    print(f"{len(records)} pages in {out}, the class in {folder / 'class.html'}")
    return 0


def _export(args):
    from course_utils.classroom.grading import gradebook, gradescope, runs

    output = Path(args.output)
    if args.form == "gradescope":
        output.write_bytes(gradescope.bundle(args.source))
        print(f"{output}: upload it as the autograder of a programming assignment.")
        return 0
    if not args.template:
        raise ValueError(f"--template should name the file that you exported from {args.form.title()}")
    fill = gradebook.canvas if args.form == "canvas" else gradebook.moodle
    text, unplaced = fill(runs.records_in(Path(args.source) / "records"),
                          Path(args.template).read_text(encoding="utf-8-sig"))
    runs.write_atomically(output, text)
    print(f"{output} can be imported.")
    for student in unplaced:
        print(f"  not in the template: {student}")
    return int(bool(unplaced))


def _gradescope(args):
    from course_utils.classroom.grading import assignment, forks, gradescope, marking, submissions
    from course_utils.classroom.grading.notebooks import Unreadable

    homework = assignment.load(args.assignment)
    root = Path(args.root)
    found = submissions.collect(root / "submission", homework.name, r"(?P<student>)(.*/)?[^/]+")
    try:
        student = str(json.loads((root / "submission_metadata.json").read_text(encoding="utf-8"))["users"][0]["id"])
    except (OSError, ValueError, LookupError, TypeError):
        student = ""
    with forks.Zygote(allowed=homework.allowed, given=homework.given, hidden=[root]) as zygote:
        try:
            data = found[0].read() if found else Unreadable("is not there")
        except Unreadable as why:
            data = why
        gradescope.write_results(marking.mark(data, homework, student, zygote), root)
    return 0


def _roster(path):
    if not path:
        return []
    with open(path, encoding="utf-8-sig", newline="") as file:
        names = [row[0].strip() for row in csv.reader(file) if row and row[0].strip()]
    return [name for name in names if name.lower() not in ("student", "id", "student_id")]


def _at_least_one(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is wanted, got {text!r}")
    return int(text)


def _moment(text):
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%d"):
        try:
            return float(calendar.timegm(time.strptime(text, form)))
        except ValueError:
            continue
    raise argparse.ArgumentTypeError(f'a time such as "2026-03-01 23:59" is wanted, got {text!r}')

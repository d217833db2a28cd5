"""``python -m course_utils homework``: give an assignment out, look at it before handing in, grade, report, export."""

import json
import sys
from pathlib import Path

from course_utils.classroom.grading.arguments import add_arguments
from course_utils.learner import working_copies

__all__ = ["add_arguments", "run"]


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
        return _ACTIONS[args.action](args)
    except ModuleNotFoundError as missing:
        _say(f"homework {args.action} needs {missing.name}, which is not installed here. Teachers get it with: "
              "python -m pip install nbgrader", file=sys.stderr)
        return 2
    except (ValueError, RuntimeError, OSError) as error:
        from course_utils.classroom.grading.words import trouble

        _say(f"homework {args.action}: {trouble(error)}", file=sys.stderr)
        return 2


def _release(args):
    from course_utils.classroom.grading import assignment, release

    source, folder = assignment.find(args.assignment, assignment.SOURCES), Path(args.folder)
    path = folder / source.name
    if path.exists() and not args.replace:
        raise ValueError(f"{path} is there already; --replace overwrites it")
    text = release.released(source)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    _say(f"{path} is what students get. Points in it: {release.points_in(path):g}.")
    return 0


def _preflight(args):
    from course_utils.classroom.grading import assignment, preflight, words

    path = _students_own(Path(args.notebook))
    if not path.is_file():
        raise ValueError(f"there is no notebook {path}, here or in {working_copies.FOLDER}{words.like(path)}")
    wanted = assignment.find(args.assignment) if args.assignment else assignment.handed_in_as(path)
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
    found, class_, said, amiss = owners.who_is_who(args, homework)
    if args.dry_run:
        _say("\n".join(owners.described(found, class_, [*said, *amiss], homework)))
        _say(f"{len(found)} submissions would be graded on {homework.points} points; nothing was written. "
             "The same command without --dry-run grades them.")
        return int(bool(found.unplaced or amiss))
    with folder.in_use():
        if args.replace:
            here = {submission.student for submission in found}
            back = [record["student"] for record in folder.each() if record["student"] not in here]
            folder.remove(back)
            _say(f"{len(back)} taken back, since they are not in this run; they lie in {folder.folder / 'removed'}")
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
          + (f", {others} more in the folder" if others else "") + f": {folder.folder / 'gradebook.csv'}")
    for student, before, now in result.others:
        _say(f"  {student}: {before} " + ("stays, since it was handed in later than what lies here" if before == now
                                          else f"counted before, and {now} counts now"))
    for line in amiss:
        _say(f"  {line}")
    for place, why in found.unplaced:
        _say(f"  nobody's: {place}: {why}")
    for place, why in found.aside:
        _say(f"  not a submission: {place}: {why}")
    if found.unplaced:
        _say("  A table with two columns, path and id, says whose they are: --who FILE")
    all_well, waiting = True, 0
    for record in records:
        waiting += _waiting([record])
        all_well &= record["state"] in ("graded", "excused")
        if record["state"] != "graded" or record["notes"]:
            notes = f"; {' '.join(record['notes'])}" if record["notes"] else ""
            _say(f"  {results.label(record)}: {record['state']}{notes}")
    if not class_.names:
        _say("  No class list was given (--roster), so nobody is reported missing.")
    _say(f"Next: homework report {args.folder}" + (
        f"; homework written {args.folder} for {gradebook.in_points(waiting)} that a person gives"
        if waiting else ""))
    lost = found.unplaced and not args.pattern  # who gives a pattern says what is to be left out
    return int(bool(lost or amiss or result.failed) or not all_well)


def _waiting(records):
    """Points that a person has still to give."""
    from course_utils.classroom.grading import gradebook

    return sum(gradebook.open_points(record) for record in records if record["state"] not in gradebook.NOT_GRADED)


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
        results.write_atomically(path, "\ufeff" + written.sheet(folder.each()))
        _say(f"{path}: fill in the columns points and comment, then: homework written {args.folder} {path}")
        return 0
    with folder.in_use():
        marks = written.read_marks(read_table(args.table), folder.each())
        if not marks:
            raise ValueError(f"no line of {args.table} has anything in its column points")
        folder.add_marks(marks)
        records = folder.each()
        results.write_atomically(folder.folder / "gradebook.csv", gradebook.gradebook(records))
    _say(f"{sum(map(len, marks.values()))} answers of {len(marks)} students have points now; "
         f"{gradebook.in_points(_waiting(records))} still open. Next: homework report {args.folder}, homework export")
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
        _say(f"  no results of {student!r}; ids stand in {folder.folder / 'gradebook.csv'}", file=sys.stderr)
    if len(absent) < len(args.students):
        _say(f"{len(args.students) - len(absent)} taken back; they lie in {folder.folder / 'removed'}. Pages and "
             "exports that were made before still show them: make them again.")
    return int(bool(absent))


def _merge(args):
    from course_utils.classroom.grading import gradebook, results

    whole = results.merge(args.folder, args.parts, args.replace)
    records = whole.each()
    results.write_atomically(whole.folder / "gradebook.csv", gradebook.gradebook(records))
    _say(f"{len(records)} students in {whole.folder / 'gradebook.csv'}. Next: homework report {args.folder}")
    return 0


def _progress(done, total, left):
    if sys.stderr.isatty() or done == total:
        bar = "█" * (20 * done // total)
        end = "\n" if done == total else "\r"
        print(f"{bar:░<20} {done} of {total}, {left:.0f} s left ", end=end, file=sys.stderr, flush=True)


def _report(args):
    from course_utils.classroom.grading import class_report, pages, results

    folder = results.Results(args.folder)
    records = folder.each()
    out = folder.folder / "feedback"
    out.mkdir(exist_ok=True)
    wanted = set()
    for record in records:
        wanted.add(name := results.file_name(record["student"], ".html"))
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
        source = assignment.find(args.source)
        assignment.load(source)  # what is no assignment is refused here, and not by Gradescope
        output.write_bytes(gradescope.bundle(source, _secret(args.secret)))
        _say(f"{output}: upload it as the autograder of a programming assignment.")
        return 0
    if not args.template:
        raise ValueError(f"--template should name the file that you exported from {args.form.title()}")
    records = results.Results(args.source).records()
    waiting = [r for r in records if r["state"] not in gradebook.NOT_GRADED and gradebook.open_points(r)]
    if waiting and not args.partial:
        whose = f"{len(waiting)} student{'s' * (len(waiting) != 1)}"
        raise ValueError(f"these totals are partial: written answers of {whose} have no points yet, which may be 0. "
                         f"`homework written {args.source}` writes the table for them; --partial lets the totals leave")
    fill = gradebook.canvas if args.form == "canvas" else gradebook.moodle
    template = read_table(args.template)
    text, unplaced = fill(records, template, args.column)
    results.write_atomically(output, text)
    _say(f"{output} can be imported: {len(records) - len(unplaced)} of {len(records)} students"
          + (f", partial totals of {len(waiting)}." if waiting else "."))
    if args.form == "canvas" and (others := gradebook.other_columns(records, template, args.column)) is not None:
        _say(f"  {args.template} has no column for {records[0]['assignment']}, so the import makes a new assignment. "
             "If it is there under another name, give that to --column" + (f": {others}" if others else ""))
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


_ACTIONS = {"release": _release, "preflight": _preflight, "grade": _grade, "written": _written, "report": _report,
            "export": _export, "remove": _remove, "merge": _merge, "gradescope": _gradescope}

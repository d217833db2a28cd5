"""Whose work is it, and is it late: what `homework grade` finds out before it grades, and what --dry-run shows."""

from pathlib import Path

from course_utils.classroom.grading import class_list, marking, moments, runs, submissions
from course_utils.classroom.grading.notebooks import SMALL, Unreadable
from course_utils.classroom.grading.tables import read_table

__all__ = ["described", "who_is_who"]


def who_is_who(args, homework):
    """Find submissions and their owners, the class, and what counts as late.

    Parameters
    ----------
    args : Namespace
        Of `homework grade`.
    homework : Assignment

    Returns
    -------
    (Found, Class, list of str, list of str)
        And what a teacher has to be told about how that was found; last, what fits nobody.
    """
    def table(path):
        return read_table(path) if path else None

    def collect(**more):
        return submissions.collect(args.submissions, homework.name, args.pattern, skip=[args.folder], **more)

    if Path(args.folder).resolve() == Path(args.submissions).resolve():
        raise ValueError(f"{args.folder} holds the submissions; name another folder for the results, it is made")
    roster, said, amiss, names = table(args.roster), [], [], {}
    known = class_list.known_ids(roster, [one.student for one in collect()], args.id_column) if roster else ()
    found = collect(known=known, who=table(args.who))
    if roster:
        listed = class_list.read_class_list(roster, [submission.student for submission in found], args.id_column)
        names = listed.names
        said.append(listed.column)
        if not listed.fits:
            some = ", ".join(repr(submission.student) for submission in found[:3])
            amiss.append(f"{args.roster}: nobody who handed in is on it (they are called {some}; its columns are "
                        f"{', '.join(map(repr, roster.head))}). Name the column with such ids by --id-column, or take "
                        "a list that has them")
            if not args.dry_run and not args.id_column:
                raise ValueError(amiss[-1])
    if not len(found) and not names:
        lost = "".join(f"\n  {place}: {why}" for place, why in found.unplaced[:5])
        raise ValueError(f"no submission was found in {args.submissions}; --pattern tells where to look{lost}")
    class_ = runs.Class(
        names, moments.moment(args.due, args.zone) if args.due else None,
        class_list.read_times(table(args.times), args.zone) if args.times else {},
        class_list.read_extensions(table(args.extensions), args.zone) if args.extensions else {}, args.file_times)
    for path, ids in ((args.times, class_.times), (args.extensions, class_.extensions)):
        lost = sorted(set(ids) - {submission.student for submission in found} - set(names))
        if lost:
            amiss.append(f"{path}: nobody who is expected or has handed in has the id {', '.join(map(repr, lost[:5]))}")
    if class_.due is not None and not any(class_.handed_in(s) is not None or s.late for s in found):
        said.append("when the work came in is said nowhere (no time in nbgrader's way, no _LATE of Canvas's, no "
                    "--times): nobody counts as late")
    return found, class_, said, amiss


def described(found, class_, said, homework):
    """Say who is who, what is late, what cannot be graded and what cannot be placed.

    Parameters
    ----------
    found, class_, said
        As `who_is_who` gives them.
    homework : Assignment

    Yields
    ------
    str
        A line each.
    """
    for submission in found:
        name = class_.names.get(submission.student) or submission.name
        days = class_.late_days(submission)
        late = f"; late, {days} day{'s' * (days != 1)}" if days else ""
        extra = "; not on the class list" if class_.names and submission.student not in class_.names else ""
        notes = f"; {' '.join(submission.notes)}" if submission.notes else ""
        wrong = _objection(submission, homework)
        yield f"{submission.student}{f' ({name})' if name else ''}: {submission.place}{late}{extra}{notes}{wrong}"
    for student in sorted(class_.names.keys() - {submission.student for submission in found}):
        state = "excused" if class_.is_excused(student) else "nothing was handed in"
        yield f"{student}{f' ({class_.names[student]})' if class_.names[student] else ''}: {state}"
    for place, why in found.unplaced:
        yield f"nobody's: {place}: {why}"
    for place, why in found.aside:
        yield f"not a submission: {place}: {why}"
    yield from said


def _objection(submission, homework):
    try:
        data = submission.read()
    except Unreadable as why:
        data = why
    if isinstance(data, bytes) and len(data) > SMALL:
        return ""  # what is large is read in a child only, when it is graded
    wrong = marking.objection(data, homework)
    return f"; {wrong}" if wrong else ""

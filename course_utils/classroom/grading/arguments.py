"""What can be typed after ``homework``: its actions and their options."""

import argparse

__all__ = ["add_arguments"]

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

    def command(name, about):
        return commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")

    sub = command("release", "write the student version of an assignment")
    sub.add_argument("assignment", help="its name, or a source notebook of your own")
    sub.add_argument("folder", help="where the student version is written")
    sub.add_argument("--replace", "--force", action="store_true", help="overwrite what is there")

    sub = command("preflight", "look at a notebook as the grader will")
    sub.add_argument("notebook", help="your notebook; its name is enough if it lies in my_notebooks/")
    sub.add_argument("--assignment", help="the assignment as it was given out; by the notebook's name if left out")

    sub = command("grade", "grade a folder or a zip file of notebooks")
    sub.usage = "%(prog)s ASSIGNMENT SUBMISSIONS FOLDER [options]"
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

    sub = command("written", "write the table for points by hand, or read it back")
    sub.add_argument("folder", help="results of `grade`")
    sub.add_argument("table", nargs="?", help="the table, filled in; left out, it is written to FOLDER/written.csv")
    sub.add_argument("--replace", action="store_true", help="write over a table that is there")

    sub = command("report", "write feedback pages and the report on the class")
    sub.add_argument("folder", help="results of `grade`")
    sub.add_argument("--before-deadline", action="store_true", help="leave out what is decided after the deadline")

    sub = command("export", "fill in a platform's file, or pack a bundle for Gradescope")
    sub.usage = "%(prog)s canvas|moodle|gradescope SOURCE OUTPUT [options]"
    sub.add_argument("form", choices=("canvas", "moodle", "gradescope"))
    sub.add_argument("source", help="results of `grade`; for Gradescope the assignment's name or its notebook")
    sub.add_argument("output", help="the file to write")
    sub.add_argument("--template", help="the gradebook (Canvas) or grading worksheet (Moodle) that you exported there")
    sub.add_argument("--column", metavar="NAME", help="its column for these points, if it is not found")
    sub.add_argument("--partial", action="store_true", help="let totals leave although written answers are open")
    sub.add_argument("--secret", metavar="FILE", help="secret.txt of results, for Gradescope's bundle")
    sub.add_argument("--replace", action="store_true", help="overwrite the file that is there")

    sub = command("remove", "take results of single students back")
    sub.add_argument("folder", help="results of `grade`")
    sub.add_argument("students", nargs="+", metavar="ID", help="the students' ids, as in the gradebook")

    sub = command("merge", "put results of parts of a class into one folder")
    sub.add_argument("folder", help="for the whole class")
    sub.add_argument("parts", nargs="+", metavar="PART", help="results of `grade` for a part")
    sub.add_argument("--replace", action="store_true",
                     help="let the parts' results count where the folder has others of the same student")

    sub = command("gradescope", "grade the one submission of a Gradescope container")
    sub.add_argument("assignment")
    sub.add_argument("root", help="/autograder")


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

"""``python -m course_utils COMMAND``."""

import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - before imports that such a Python cannot read
        sys.exit("This Python is too old: the course needs Python 3.11, 3.12 or 3.13.\n"
                 "`make lab` looks for one on this machine.")
    from course_utils.classroom.cli import main

    sys.exit(main())

"""Set the course up on a machine that has Python and nothing else, then open it or test it.

    python tools/setup.py lab  [options of `attention-course lab`]
    python tools/setup.py test [options of pytest]
    python tools/setup.py COMMAND [options of `attention-course COMMAND`]

`make` calls this; on Windows it is called as `py tools\\setup.py lab`. COMMAND `install` goes no further than
that. What it installs goes into .venv, what the installers say into .venv/setup.log. Standard library only,
and in this file and pythons.py nothing that Python 3.6 does not know, so that an old Python can hand over to a
newer one, or say that there is none; installing.py is read by that newer one.
"""

import os
import sys

from pythons import Problem, become, find_python, fits


def main(arguments):
    """Run one command; see the top of this file."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if arguments else 2
    try:
        if not fits(sys.executable):
            return become([find_python(), os.path.abspath(__file__), *arguments])
        import installing

        return installing.go(arguments[0], arguments[1:])
    except Problem as problem:
        sys.stderr.write("\n" + "\n".join(problem.args) + "\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Run it again to go on from here.\n")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The judge's end of the line: starting zygotes, and talking to one child within limits that do not depend on it."""

import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from course_utils.classroom.grading.child import wire

__all__ = ["Child", "Gone", "Limits", "Lost", "NotJudged", "Nursery", "Zygote", "isolation", "patiently"]

_ZYGOTE = Path(__file__).parent / "child" / "zygote.py"
_COURSE = Path(__file__).parents[3]


@dataclass(frozen=True)
class Limits:
    """What one exercise of one submission may use.

    Attributes
    ----------
    call : int
        Processor time for one call, in seconds.
    cpu : int
        Processor time in all, in seconds.
    wall : float
        Time for one call by the clock, in seconds; time spent waiting for a busy processor does not count.
    memory : int
        Bytes above what Python with NumPy and PyTorch needs.
    run : int
        Processor time for running the notebook's cells where an answer needs them, in seconds; no cell gets more
        than half of it.
    """

    call: int = 2
    cpu: int = 8
    wall: float = 6.0
    memory: int = 1 << 30
    run: int = 20


class Gone(Exception):
    """The child can no longer be asked; `kind` says why: "time", "ended" or "garbled"."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class Lost(BaseException):
    """The grader's own line broke: a zygote is gone, or somebody else ended a child.

    Nothing is said by it about the answer, so nothing that reads answers may catch it as an answer's error: it is no
    `Exception`. What was under way has to be done again from the beginning (see `patiently`).
    """


class NotJudged(RuntimeError):
    """The grader's own line broke each time that a submission was judged."""


_TRIES = 4  # how often a submission is judged before the run says that it cannot
_FROM_OUTSIDE = (-signal.SIGTERM, -9)  # an answer cannot send these to itself


def patiently(zygote, judge):
    """Do something with a zygote; where the grader's own line breaks, do it again with a new one.

    Parameters
    ----------
    zygote : Zygote
    judge : callable
        Without arguments; it asks `zygote` and keeps nothing before its end.

    Returns
    -------
    object
        What `judge` gives.

    Raises
    ------
    NotJudged
        If it breaks each time.
    """
    for _ in range(_TRIES):
        try:
            return judge()
        except Lost as lost:
            why = lost
            zygote.renew()
    raise NotJudged(f"could not be judged, {_TRIES} times: {why}")


def isolation():
    """Say how children are kept apart here: "bubblewrap", "fork" or "spawn"."""
    if not sys.platform.startswith("linux"):
        return "spawn"
    return "bubblewrap" if _bubblewrap() else "fork"


class Nursery:
    """Where zygotes come from: it imports what answers need, once for all, and knows nothing of any assignment.

    Parameters
    ----------
    zygotes : int
        How many it has to give.
    how : {"bubblewrap", "fork", "spawn"}, optional
        The best that this system can do if left out.
    """

    def __init__(self, zygotes=1, how=None):
        self.how, self.process, self._lines, self._asked = how or isolation(), None, [], False
        if self.how == "spawn":
            return
        self._lines, theirs = map(list, zip(*(socket.socketpair() for _ in range(zygotes))))
        numbers = [line.fileno() for line in theirs]
        command = [sys.executable, "-I", str(_ZYGOTE), ",".join(map(str, numbers))]
        if self.how == "bubblewrap":
            command = [*_bubblewrap(), *command]
        self.process = subprocess.Popen(command, pass_fds=numbers, env=_environment(), cwd="/",
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        os.set_blocking(self.process.stderr.fileno(), False)
        for line in theirs:
            line.close()

    def zygote_line(self):
        """Give the line to a zygote that nobody else has; None where there are none."""
        if self.how == "spawn":
            return None
        self._asked = True
        return self._lines.pop()

    def last_words(self):
        """The last line of what it complained about."""
        return (self.process.stderr.read() or b"").decode(errors="replace").strip().split("\n")[-1]

    def close(self):
        """Wait for its end, which comes when all lines are closed; one that nobody needed is ended at once."""
        for line in self._lines:
            line.close()
        self._lines = []
        if self.process is not None:
            try:
                # bubblewrap, killed while it starts, leaves a process behind.
                self.process.wait(10 if self._asked or self.how == "bubblewrap" else 0)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class Zygote:
    """A process that children are forked from, or where that cannot be, the way to start them one by one.

    Parameters
    ----------
    limits : Limits
    hidden : sequence of path
        Folders that nothing may be read from: submissions, results. The course is always hidden.
    allowed : sequence of str
        Modules of the course that the assignment lets answers use.
    given : sequence of str
        Code cells of the assignment as students got them.
    how : str, optional
        As in `Nursery`, for one of its own.
    nursery : Nursery, optional
        Where it comes from; one of its own if left out.
    wait : bool
        Whether to wait until it is up; without, `greet` has to be called before a child is wanted.
    processor : int, optional
        Number of the processor that it and its children keep to.

    Attributes
    ----------
    fences : tuple of str
        What stands between a child and this machine.
    can_import_plotting : bool
        Whether there is something for `import_plotting` to do.
    """

    def __init__(self, limits=None, hidden=(), allowed=(), given=(), how=None, nursery=None, wait=True,
                 processor=None):
        self.limits = limits or Limits()
        self._own, self._wait = nursery is None, wait
        self.nursery = nursery or Nursery(how=how)
        self.how = self.nursery.how
        self.settings = {
            "limits": asdict(self.limits), "allowed": list(allowed), "given": list(given), "processor": processor,
            "hidden": [str(_COURSE), *(str(Path(p).resolve()) for p in hidden)],
            "course": [str(_COURSE)] if allowed else [],
        }
        self.fences = ("a process of its own",) if self.how == "spawn" else ()
        self._begin()
        if wait:
            self.greet()

    def _begin(self):
        self._rest, self.line = b"", self.nursery.zygote_line()
        self.can_import_plotting = self.line is not None
        if self.line is not None:
            self.line.settimeout(120)
            try:
                self.line.sendall(json.dumps(self.settings).encode() + b"\n")
            except OSError:  # it is gone, as `greet` will say
                pass

    def renew(self):
        """Start again in the place of one that broke, out of a nursery of its own.

        Raises
        ------
        RuntimeError
            If none comes up.
        """
        if self.line is None:
            return
        self.close()
        self.nursery, self._own = Nursery(how=self.how), True
        self._begin()
        self.greet()

    def greet(self):
        """Wait until it is up.

        Raises
        ------
        RuntimeError
            If it does not come up.
        """
        if self.line is None:
            return
        try:
            hello = self._hear()
        except (OSError, EOFError, ValueError):
            said = self.nursery.last_words()
            self.close()
            raise RuntimeError(f"no process to grade in could be started ({self.how}): {said}") from None
        self.fences = tuple(hello["fences"]) + (("bubblewrap",) if self.how == "bubblewrap" else ())

    def is_up(self):
        """Whether `greet` need not wait."""
        return self.line is None or bool(select.select([self.line], [], [], 0)[0])

    def _hear(self):
        while b"\n" not in self._rest:
            part = self.line.recv(4096)
            if not part:
                raise EOFError
            self._rest += part
        message, self._rest = self._rest.split(b"\n", 1)
        return json.loads(message)

    def ask(self, letter, fds=()):
        """Send the zygote one order and give its reply.

        Raises
        ------
        Lost
            If it is gone.
        """
        try:
            socket.send_fds(self.line, [letter], list(fds))
            return self._hear()
        except (OSError, EOFError, ValueError) as error:
            raise Lost(f"the process that answers are forked from is gone ({error or 'it hung up'})") from None

    def child(self):
        """Start a child."""
        return Child(self)

    def import_plotting(self):
        """Have matplotlib ready in children that start from now on: few answers use it, and it takes its time."""
        if self.can_import_plotting:
            self.can_import_plotting = False
            self.ask(b"P")

    def close(self):
        """End the zygote, and with it whatever child it still has."""
        if self.line is not None:
            self.line.close()
            self.line = None
        if self._own:
            self.nursery.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class Child:
    """One process that runs one answer of one student.

    Attributes
    ----------
    cpu : float
        Processor time it used, in seconds; known at its end.
    pid : int
        Its number as the zygote sees it; only where it was forked.
    """

    def __init__(self, zygote):
        self.zygote, self.limits, self.cpu, self.process = zygote, zygote.limits, 0.0, None
        self.ended = False
        if zygote.how == "spawn":
            self._spawn()
            return
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.pid = zygote.ask(b"F", [theirs.fileno()])["pid"]

    def _spawn(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(60)
            word = secrets.token_hex(16)
            command = [sys.executable, "-I", str(_ZYGOTE), "--alone"]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, env=_environment(), text=True,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                            start_new_session=os.name != "nt")
            try:
                self.process.stdin.write(f"{server.getsockname()[1]} {word}\n{json.dumps(self.zygote.settings)}\n")
                self.process.stdin.close()
                self.socket, _ = server.accept()
                self.socket.settimeout(10)
                if self.socket.recv(64).strip() != word.encode():
                    raise OSError("somebody else called")
            except OSError as error:
                self.process.kill()
                self.process.wait()
                raise Lost(f"a process to grade in did not come up: {error}") from None

    def ask(self, request, body=b""):
        """Send a request and give the reply.

        Raises
        ------
        Gone
            If no good reply came; the child has ended then.
        Lost
            If that was nothing of its own doing.
        """
        if self.ended:
            raise Gone("ended", "the process is no longer there")
        wall = self.limits.wall + (self.limits.run if "cells" in request else 0)
        started = time.monotonic()
        try:
            self.socket.settimeout(wall)
            self.socket.sendall(wire.encode(request, body, wire.MAX_FILE))
            return wire.decode(lambda n: self._read(n, started, wall))
        except wire.Bad:
            self.end()
            raise Gone("garbled", "it sent something that is no result") from None
        except TimeoutError:
            self.end()
            raise Gone("time", f"it did not finish within {wall:g} seconds") from None
        except (OSError, EOFError):
            raise self._why(self.end(patient=True)) from None

    def _read(self, n, started, wall):
        parts = []
        while n:
            left = started + wall - time.monotonic()
            if left <= 0:
                left += min(self._waited(), 10 * wall)
                if left <= 0:
                    raise TimeoutError
            self.socket.settimeout(left)
            try:
                part = self.socket.recv(min(n, 1 << 20))
            except TimeoutError:
                continue
            if not part:
                raise EOFError
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    def _waited(self):
        return 0.0 if self.process else self.zygote.ask(b"L")["waited"]

    def _why(self, ending):
        code = ending["code"]
        if code in (-24, -9) and ending["cpu"] >= self.limits.call:  # SIGXCPU, SIGKILL
            return Gone("time", f"it did not finish within {self.limits.call} seconds of processor time")
        if code in _FROM_OUTSIDE and "system calls" in self.zygote.fences:
            return Lost("a process was killed by somebody else, or by the system for want of memory")
        if code == -9:
            return Gone("ended", "its process was killed: by itself, or because it needed too much memory")
        if code is not None and code < 0:
            return Gone("ended", f"it ended the whole process with signal {-code}")
        return Gone("ended", "it ended the whole process" + (f" with exit code {code}" if code is not None else ""))

    def end(self, patient=False):
        """Kill the child, and say how it had ended, if it had; one that hung up is given a moment to end."""
        if self.ended:
            return {"code": None, "cpu": self.cpu, "memory": 0}
        self.ended = True
        if self.process:
            code = self.process.poll()
            if code is None and patient:
                try:
                    code = self.process.wait(1)
                except subprocess.TimeoutExpired:
                    pass
            self.process.kill()
            self.process.wait()
            ending = {"code": code, "cpu": 0.0, "memory": 0}
        else:
            with self.socket:
                ending = self.zygote.ask(b"W" if patient else b"E")
        self.socket.close()
        self.cpu = ending["cpu"]
        return ending


def _environment():
    kept = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    kept = {name: os.environ[name] for name in kept if name in os.environ}
    return {**kept, "PATH": os.defpath, "LANG": "C.UTF-8", "HOME": os.path.abspath(os.sep), "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg",
            "PYTHONDONTWRITEBYTECODE": "1",
            "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}  # fewer pages to copy: a fork takes half the time


_found = {}


def _bubblewrap():
    """The command that puts a process into bubblewrap, if it is installed and works here; else an empty list."""
    if "command" not in _found:
        _found["command"] = _try_bubblewrap()
    return _found["command"]


def _try_bubblewrap():
    import shutil

    from course_utils.classroom.grading.child.landlock import readable_places

    program = shutil.which("bwrap")
    if program is None:
        return []
    command = [program, "--unshare-all", "--new-session", "--as-pid-1", "--cap-drop", "ALL",
               "--uid", "65534", "--gid", "65534", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    # The zygote reads from the course what an assignment allows; its children cannot.
    for place in [*readable_places(), str(_COURSE)]:
        if not place.startswith("/dev/"):
            command += ["--ro-bind", place, place]
    command.append("--")
    tried = subprocess.run([*command, sys.executable, "-I", "-c", ""], capture_output=True, timeout=30, check=False)
    return command if tried.returncode == 0 else []

"""The judge's end of the line: starting zygotes, and talking to one child within limits that do not depend on it."""

import json
import os
import secrets
import select
import socket
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from course_utils.classroom.grading.child import wire
from course_utils.classroom.grading.isolation import bubblewrap, isolation
from course_utils.classroom.grading.limits import FROM_OUTSIDE, Gone, Limits, Lost, NotJudged, patiently

__all__ = ["Child", "Gone", "Limits", "Lost", "NotJudged", "Nursery", "Zygote", "isolation", "patiently"]

_ZYGOTE = Path(__file__).parent / "child" / "zygote.py"
_COURSE = Path(__file__).parents[3]


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
            command = [*bubblewrap(), *command]
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
    over : str
        Which limit of a whole submission was passed since `begin_submission`; empty if none.
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
        self.begin_submission()
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

    def begin_submission(self):
        """Count time and results of a submission from here on."""
        self.spent, self.received, self.over = 0.0, 0, ""

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
        self.ended, self._had_waited, self._rest = False, 0.0, bytearray()
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
            self._stop_if_over()
            reply, out = self._exchange(request, body, started, wall)
            took = time.monotonic() - started
            if took > 1.0:
                waited = self._waited()
                took, self._had_waited = max(took - waited + self._had_waited, 0.0), waited
            self.zygote.spent += took
        except Gone:
            self.zygote.spent += min(time.monotonic() - started, wall)
            raise
        if request["do"] != "read":
            self.zygote.received += len(out)
        return reply, out

    def _stop_if_over(self):
        zygote, limits = self.zygote, self.limits
        if zygote.spent > limits.whole:
            zygote.over = f"all calls of this notebook together took more than {limits.whole:g} seconds by the clock"
            kind = "time"
        elif zygote.received > limits.results:
            zygote.over = f"all results of this notebook together were larger than {limits.results >> 20} MiB"
            kind = "memory"
        else:
            return
        self.end()
        raise Gone(kind, zygote.over)

    def _exchange(self, request, body, started, wall):
        head_limit = 4 * wire.MAX_HEAD if request["do"] == "read" else wire.MAX_HEAD
        try:
            self.socket.settimeout(wall)
            self.socket.sendall(wire.encode(request, body, wire.MAX_FILE))
            return wire.decode(lambda n: self._read(n, started, wall), head_limit=head_limit)
        except wire.Bad:
            self.end()
            raise Gone("garbled", "it sent something that is no result") from None
        except TimeoutError:
            self.end()
            raise Gone("time", f"it did not finish within {wall:g} seconds") from None
        except (OSError, EOFError):
            raise self._why(self.end(patient=True)) from None

    def _read(self, n, started, wall):
        while len(self._rest) < n:
            left = started + wall - time.monotonic()
            if left <= 0:
                left += min(self._waited(), 10 * wall)
                if left <= 0:
                    raise TimeoutError
            self.socket.settimeout(left)
            try:
                part = self.socket.recv(max(1 << 16, min(n - len(self._rest), 1 << 20)))
            except TimeoutError:
                continue
            if not part:
                raise EOFError
            self._rest += part
        read, self._rest = bytes(self._rest[:n]), self._rest[n:]
        return read

    def _waited(self):
        return 0.0 if self.process else self.zygote.ask(b"L")["waited"]

    def _why(self, ending):
        code = ending["code"]
        if code in (-24, -9) and ending["cpu"] >= self.limits.call:  # SIGXCPU, SIGKILL
            return Gone("time", f"it did not finish within {self.limits.call} seconds of processor time")
        if code in FROM_OUTSIDE and "system calls" in self.zygote.fences:
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
            # Under a dispatch mode PyTorch imports its compiler, which wants a folder that exists.
            "TORCHINDUCTOR_CACHE_DIR": os.path.abspath(os.sep),
            "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}  # fewer pages to copy: a fork takes half the time

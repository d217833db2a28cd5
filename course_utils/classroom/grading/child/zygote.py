"""The process that children are forked from: it knows NumPy and PyTorch, no test, no reference, no submission.

    python -I zygote.py FD,FD     one zygote for each socket, over which it gets its settings and is told to fork
    python -I zygote.py --alone   is one child itself, for systems without fork; settings come over stdin

In a child as in here there is nothing to find: inputs come to the child from the judge, arrays go back.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
import time

try:
    import fcntl
except ImportError:  # Windows, where nothing is forked
    fcntl = None

sys.dont_write_bytecode = True
_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _HERE)

import answering  # noqa: E402  these files import each other by their short names: the course is not there
import confine  # noqa: E402
import landlock  # noqa: E402
import processors  # noqa: E402
import slices  # noqa: E402
import standins  # noqa: E402

sys.path.remove(_HERE)


_BASICS = ("numpy", "numpy.random", "numpy.linalg", "torch", "torch.nn.functional")
# Going backward makes PyTorch import this, and SymPy with it: once here, not in every child.
_BACKWARD = "torch.fx.experimental.symbolic_shapes"


def preload(*names):
    """Import what answers need."""
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def prepare(settings):
    """Make ready for the answers of one assignment, and shut the door on everything else."""
    hidden = [os.path.realpath(p) for p in settings["hidden"]]
    for folder in settings["course"]:
        sys.path.insert(0, folder)
    for name in settings["allowed"]:
        module = importlib.import_module(name)
        for public in getattr(module, "__all__", ()):  # a package may load them when they are first used
            getattr(module, public)
    for source in settings["given"]:  # read once here, not in every child
        slices.statements_in(source)
    sys.path[:] = [p for p in sys.path if (p and not _in_any(os.path.realpath(p), hidden))
                   or os.path.realpath(p).startswith(os.path.realpath(sys.prefix) + os.sep)]
    standins.install_course(settings["allowed"])


def _in_any(path, folders):
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)


def _allow_cpu(limits):
    """Make the function that sets how much processor time this process may use from now on."""
    whole = limits["cpu"]

    def allow(seconds, more=0):
        nonlocal whole
        whole += more
        if confine.resource is not None:
            resource = confine.resource
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
            soft = min(int(confine.cpu_seconds()) + 1 + seconds + more, whole)
            resource.setrlimit(resource.RLIMIT_CPU,
                               (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))

    return allow


def _child(fd, settings, ruleset, unreadable):
    """Become a child: nothing open but its line to the judge, nothing allowed but to compute."""
    devnull = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(devnull, standard)
    fd, ruleset = (None if n is None else fcntl.fcntl(n, fcntl.F_DUPFD, 20) for n in (fd, ruleset))
    os.dup2(fd, 3)
    if ruleset is not None:
        os.dup2(ruleset, 4)
    os.closerange(5 if ruleset is not None else 4, 1024)
    confine.give_up(settings["limits"], None if ruleset is None else 4, settings["hidden"], unreadable)
    answering.serve(3, settings["limits"]["call"], _allow_cpu(settings["limits"]))


class Keeper:
    """Forks, watches and buries one child at a time."""

    def __init__(self, line, settings):
        self.line, self.settings, self.pid = line, settings, None
        places = landlock.readable_places(settings["hidden"]) if sys.platform.startswith("linux") else []
        self.ruleset = landlock.rules(places)
        self.unreadable = _python_is_closed_to_others()

    def fork(self, fd):
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                self.line.close()
                _child(fd, self.settings, self.ruleset, self.unreadable)
            finally:
                os._exit(70)
        os.close(fd)

    def look(self):
        """Seconds that the child has waited for a processor, so that a busy machine is not held against it."""
        try:
            with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as file:
                return int(file.read().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0

    def end(self, patience):
        """Kill the child and all that it started, and say how it ended, if it does so within `patience` seconds."""
        until, ended = time.monotonic() + patience, None
        while ended is None:
            ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None and time.monotonic() >= until:
                break
            if ended is None:
                time.sleep(0.002)
        for kill in (os.killpg, os.kill):
            try:
                kill(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        _, status, usage = os.wait4(self.pid, 0)
        self._bury_orphans()
        self.pid = None
        code = os.waitstatus_to_exitcode(status) if ended else None
        return {"code": code, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss * 1024}

    def _bury_orphans(self):
        """Children of children become ours (we are their subreaper); where forking is refused there are none."""
        for _ in range(1000):
            try:
                with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
                    orphans = [int(pid) for pid in file.read().split()]
            except OSError:
                return
            if not orphans:
                return
            for pid in orphans:
                try:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                except (ProcessLookupError, ChildProcessError, PermissionError):
                    pass

    def serve(self):
        while True:
            message, fds, _, _ = socket.recv_fds(self.line, 1, 1)
            if message == b"F":
                self.fork(fds[0])
                reply = {"pid": self.pid}
            elif message == b"L":
                reply = {"waited": self.look()}
            elif message == b"P":
                preload("matplotlib.pyplot")
                _settle()
                reply = {}
            elif message in (b"E", b"W"):
                reply = self.end(1.0 if message == b"W" else 0.0)
            else:
                break
            self.line.sendall(json.dumps(reply).encode() + b"\n")
        if self.pid:
            self.end(0.0)


def _python_is_closed_to_others():
    """Whether other users may not read Python itself, as where it lives in the home of root."""
    return any(not os.stat(p).st_mode & 0o001 for place in (sys.prefix, sys.base_prefix)
               for p in _parents(os.path.realpath(place)))


def _parents(path):
    while path != os.path.dirname(path):
        yield path
        path = os.path.dirname(path)


def main(argv):
    if argv[1] == "--alone":
        _alone()
        return
    preload(*_BASICS, _BACKWARD)
    answering.rehearse()
    _settle()
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None)
        libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    confine.leave_network()
    line = _one_for_each([socket.socket(fileno=int(number)) for number in argv[1].split(",")])
    if sys.platform.startswith("linux"):
        libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    settings = b""
    while not settings.endswith(b"\n"):
        part = line.recv(1 << 16)
        if not part:
            os._exit(0)
        settings += part
    settings = json.loads(settings)
    prepare(settings)
    _settle()
    if settings["processor"] is not None:
        processors.stay_on_one(settings["processor"])
    keeper = Keeper(line, settings)
    line.sendall(json.dumps({"fences": confine.describe(keeper.ruleset), "pid": os.getpid()}).encode() + b"\n")
    try:
        keeper.serve()
    except (OSError, KeyboardInterrupt):
        pass
    os._exit(0)  # taking PyTorch apart in order takes longer than its whole end


def _settle():
    """Set aside what is there, so that no child looks through it for garbage, and copies it by doing so."""
    gc.collect()
    gc.freeze()


def _one_for_each(lines):
    """Become the zygote of the only line, or fork one for each; what they come from has nothing to do but wait."""
    if len(lines) == 1:
        return lines[0]
    for line in lines:
        if os.fork() == 0:
            for other in lines:
                if other is not line:
                    other.close()
            return line
    for line in lines:
        line.close()
    try:
        while True:
            os.wait()
    except (ChildProcessError, KeyboardInterrupt):
        os._exit(0)


def _alone():
    """One child without a fork: it dials the judge on this machine and proves itself with a word read from stdin."""
    port, word = sys.stdin.readline().split()
    settings = json.loads(sys.stdin.readline())
    preload(*_BASICS)
    prepare(settings)
    line = socket.create_connection(("127.0.0.1", int(port)), 30)
    line.settimeout(None)
    line.sendall(word.encode() + b"\n")
    fd = line if os.name == "nt" else line.detach()  # on Windows a socket is no file descriptor
    confine.give_up(settings["limits"], landlock.rules(landlock.readable_places(settings["hidden"])),
                    settings["hidden"], _python_is_closed_to_others())
    answering.serve(fd, settings["limits"]["call"], _allow_cpu(settings["limits"]))


if __name__ == "__main__":
    main(sys.argv)

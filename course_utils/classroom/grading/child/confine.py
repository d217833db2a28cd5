"""What a child gives up before it runs anybody's code."""

import ctypes
import os
import struct
import sys

import landlock
import seccomp

try:
    import resource
except ImportError:  # Windows
    resource = None

__all__ = ["cpu_seconds", "describe", "give_up", "leave_network"]

_NOBODY = 65534
_NEW_NETWORK, _NEW_IPC = 0x40000000, 0x08000000
_READ_ANY_FILE = 1 << 2  # CAP_DAC_READ_SEARCH


def describe(ruleset):
    """Say which fences stand here, as words for the report."""
    fences = []
    if resource is not None:
        fences.append("limits")
    if _is_root():
        fences.append("unprivileged user")
    if ruleset is not None:
        fences.append("files")
    if seccomp.available():
        fences.append("system calls")
    return fences


def leave_network():
    """Enter a network with nothing in it, where the system lets us; the filter of system calls stands anyway."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK | _NEW_IPC)


def cpu_seconds():
    """Processor time of this process in seconds."""
    return sum(os.times()[:2])


def give_up(limits, ruleset, hidden, unreadable):
    """Give up everything that an answer does not need. There is no way back.

    Parameters
    ----------
    limits : mapping
        "memory" in bytes above what is in use now, "cpu" and "run" in seconds of processor time.
    ruleset : int or None
        From `landlock.rules`.
    hidden : sequence of str
        Folders that nothing may be read from; for systems without such rules.
    unreadable : bool
        Whether Python's own files are closed to other users, so that the right to read must be kept.
    """
    if resource is not None:
        _set("RLIMIT_CPU", limits["cpu"] + limits["run"])
        _set("RLIMIT_FSIZE", 0)
        _set("RLIMIT_NOFILE", 64)
        _set("RLIMIT_CORE", 0)
        _set("RLIMIT_MEMLOCK", 0)
        _set("RLIMIT_MSGQUEUE", 0)
        if sys.platform.startswith("linux"):
            _set("RLIMIT_AS", _address_space() + limits["memory"])
    if ruleset is not None:
        landlock.restrict(ruleset)
        os.close(ruleset)
    if _is_root():
        _become_nobody(keep_reading=unreadable and ruleset is not None)
    if resource is not None:
        _set("RLIMIT_NPROC", 0)
    if seccomp.available():
        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG: none outlives its zygote
        seccomp.arm()
    if ruleset is None:
        _fence_in_python(tuple(os.path.realpath(p) + os.sep for p in hidden))


def _is_root():
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _set(name, value):
    number = getattr(resource, name, None)
    if number is None:
        return
    hard = resource.getrlimit(number)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(number, (value, value))


def _address_space():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _become_nobody(keep_reading):
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        os.setgroups([])
        if keep_reading:
            libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError:  # a container without the right to change users: the rights are given up as root
        pass
    if sys.platform.startswith("linux"):
        kept = _READ_ANY_FILE if keep_reading else 0
        libc.capset(struct.pack("<Ii", 0x20080522, 0), struct.pack("<6I", kept, kept, 0, 0, 0, 0))
        libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: no other child may look into this one


def _fence_in_python(hidden):
    """Refuse to open what is hidden. Python code can get round this; it is there for want of better."""
    def fence(event, args):
        if event in ("open", "os.listdir", "os.scandir") and isinstance(args[0], (str, bytes)):
            if os.path.realpath(os.fsdecode(args[0])).startswith(hidden):
                raise PermissionError(13, "not to be read while answers are graded")

    sys.addaudithook(fence)

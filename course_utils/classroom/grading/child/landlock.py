"""Which files a child may read (Linux 5.13 and later), without any privilege: Python's own, and nothing else."""

import ctypes
import os
import struct
import sys

__all__ = ["readable_places", "restrict", "rules"]

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3


def _version(libc):
    return max(libc.syscall(_CREATE, None, 0, 1), 0)


def readable_places(hidden=()):
    """Folders and files that Python needs while it runs.

    Parameters
    ----------
    hidden : sequence of str
        Folders that are not to be readable although they lie in one that is.

    Returns
    -------
    list of str
    """
    places = {os.path.realpath(p) for p in (sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__))}
    places |= {os.path.realpath(p) for p in sys.path if p.endswith(("site-packages", "dist-packages"))}
    places |= {p for p in ("/usr/lib", "/usr/share/zoneinfo", "/usr/share/fonts", "/usr/local/lib", "/lib", "/lib64",
                           "/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/zero", "/dev/urandom")
               if os.path.exists(p)}
    hidden = [os.path.realpath(p) for p in hidden]
    return sorted(found for place in places for found in _without(place, hidden))


def _without(place, hidden):
    """The place itself, or its parts where something hidden lies in it."""
    if place in hidden:
        return
    if not any(h.startswith(place.rstrip("/") + "/") for h in hidden):
        yield place
        return
    for name in os.listdir(place):
        path = os.path.join(place, name)
        if not os.path.islink(path):
            yield from _without(path, hidden)


def rules(places):
    """Make a set of rules in the kernel.

    Parameters
    ----------
    places : sequence of str
        What may be read.

    Returns
    -------
    int or None
        A file descriptor for `restrict`; None where the system knows no such rules.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    version = _version(libc)
    if version < 1:
        return None
    files = (1 << (13 + (version >= 2) + (version >= 3))) - 1
    attributes = struct.pack("QQQ", files, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    attributes = attributes[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = libc.syscall(_CREATE, attributes, len(attributes), 0)
    if ruleset < 0:
        return None
    for place in places:
        try:
            fd = os.open(place, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        access = _READ_FILE | (_READ_DIR if os.path.isdir(place) else 0)
        libc.syscall(_ADD, ruleset, _PATH_BENEATH, struct.pack("<Qi", access, fd), 0)
        os.close(fd)
    return ruleset


def restrict(ruleset):
    """Put the rules on this process, for ever."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)
    if libc.syscall(_RESTRICT, ruleset, 0):
        raise OSError(ctypes.get_errno(), "the rules for files were refused")

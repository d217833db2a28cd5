"""Refuse every connection and name look-up beyond this machine, in whatever interpreter starts.

Python imports a module of this name at its start, so a folder on PYTHONPATH closes the sockets of kernels,
servers and command lines alike. Loopback stays open: kernels talk to their front end over it. The refusal
comes before the operating system is asked, so no packet leaves; it is an OSError, as on a machine without a
network, and each one is written to the file that COURSE_OFFLINE_LOG names, because a library may swallow it.
"""

import errno
import os
import socket
import sys
from importlib.machinery import PathFinder

_HERE = os.path.dirname(os.path.abspath(__file__))
_LIBRARY = os.path.dirname(os.__file__)
_LOOPBACK = {"", "localhost", "ip6-localhost", "::1", "::", "0.0.0.0"}


def is_loopback(host):
    """Tell whether a host, a name or an address, is this machine without asking anybody."""
    host = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else str(host)
    return host in _LOOPBACK or host.startswith("127.")


def _is_address(host):
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.split("%")[0])
        except (OSError, UnicodeError):
            continue
        return True
    return False


def _refuse(what, target):
    log = os.environ.get("COURSE_OFFLINE_LOG")
    if log:
        frame, trail = sys._getframe(2), []
        while frame is not None and len(trail) < 8:
            name = frame.f_code.co_filename
            if name != __file__ and (not name.startswith(_LIBRARY) or "site-packages" in name):
                trail.append(f"{name}:{frame.f_lineno}")
            frame = frame.f_back
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{what} {target!r} by {' < '.join(trail)}\n")
    raise ConnectionRefusedError(errno.ECONNREFUSED, f"the tests run offline: {what} {target!r} refused")


def check_address(what, address):
    """Raise ConnectionRefusedError when an internet address is not this machine's own."""
    if isinstance(address, tuple) and address and isinstance(address[0], (str, bytes, bytearray)):
        if not is_loopback(address[0]):
            _refuse(what, address[0])


def _hook(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        check_address(event, args[1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
        if host is not None and not is_loopback(host) and not _is_address(str(host)):
            _refuse(event, host)
    elif event == "socket.gethostbyaddr":
        check_address(event, args)
    elif event == "socket.getnameinfo":
        check_address(event, args[0])


def _before(name, position):
    """Wrap a socket's method: Python looks a name up before it tells its audit hooks of the address."""
    original = getattr(socket.socket, name)

    def method(self, *args):
        if len(args) > position:
            check_address(f"socket.{name}", args[position])
        return original(self, *args)

    method.__name__ = name
    setattr(socket.socket, name, method)


def close_sockets():
    """Install the guard in this interpreter, once and for good."""
    if getattr(socket, "_course_guard", False):
        return
    socket._course_guard = True
    _before("connect", 0)
    _before("connect_ex", 0)
    _before("sendto", -1)
    _before("sendmsg", 3)
    sys.addaudithook(_hook)


def _run_the_next_one():
    """This file stands before the system's own sitecustomize on the path: run that as well."""
    spec = PathFinder.find_spec("sitecustomize", [p for p in sys.path if os.path.abspath(p or ".") != _HERE])
    if spec is not None and spec.loader is not None and hasattr(spec.loader, "get_code"):
        exec(spec.loader.get_code("sitecustomize"), {"__name__": "sitecustomize", "__file__": spec.origin})


close_sockets()
if __name__ == "sitecustomize":
    _run_the_next_one()

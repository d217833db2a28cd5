"""What stands between answers, judge and teacher, on the oldest kernels that the documentation names too."""

import os
import signal
import struct
import sys
import time
from pathlib import Path

import pytest
from grading_parts import ASSIGNMENT, notebook, older_kernel, points

from course_utils.classroom.grading.child import seccomp
from course_utils.classroom.grading.forks import Limits, Zygote
from course_utils.classroom.grading.marking import mark

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are fenced in on Linux")


# --- the filter itself, for machines that are not here too ---


def decide(machine, number, *arguments, audit=None):
    """Run the filter as the kernel does, and give what it says of one call."""
    arguments = [value & (1 << 64) - 1 for value in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    audit = seccomp._MACHINES[machine][0] if audit is None else audit
    data = struct.pack("<IIQ6Q", number, audit, 0, *arguments)
    code = list(struct.iter_unpack("HBBI", seccomp._program(1234, machine)))
    at, held = 0, 0
    for _ in range(len(code)):
        operation, yes, no, k = code[at]
        at += 1
        if operation == 0x20:
            held = int.from_bytes(data[k:k + 4], "little")
        elif operation == 0x06:
            return k
        else:
            holds = {0x15: held == k, 0x35: held >= k, 0x45: bool(held & k)}[operation]
            at += yes if holds else no
    raise AssertionError("the filter does not end")


ALLOWED, NO_RIGHT, NO_TERMINAL = 0x7FFF0000, 0x00050001, 0x00050019
CALLS = {
    "x86_64": {"read": 0, "ioctl": 16, "kill": 62, "fcntl": 72, "setpriority": 141, "sched_setparam": 142,
               "sched_setscheduler": 144, "sched_setaffinity": 203, "timer_create": 222, "tgkill": 234,
               "inotify_add_watch": 254, "openat": 257, "inotify_init1": 294,
               "prlimit64": 302, "sched_setattr": 314},
    "aarch64": {"fcntl": 25, "inotify_init1": 26, "inotify_add_watch": 27, "ioctl": 29, "openat": 56,
                "read": 63, "timer_create": 107, "sched_setparam": 118,
                "sched_setscheduler": 119, "sched_setaffinity": 122, "kill": 129, "tgkill": 131, "setpriority": 140,
                "prlimit64": 261, "sched_setattr": 274}}
OWNERS = {"F_SETOWN": 8, "F_SETSIG": 10, "F_SETOWN_EX": 15, "F_SETLEASE": 1024, "F_NOTIFY": 1026}
QUESTIONS = {"FIOASYNC": 0x5452, "FIOSETOWN": 0x8901, "SIOCSPGRP": 0x8902, "TIOCSTI": 0x5412}


@pytest.mark.parametrize("machine", CALLS)
def test_the_filter_lets_nobody_name_an_owner_or_a_signal(machine):
    calls = CALLS[machine]
    for number in OWNERS.values():
        assert decide(machine, calls["fcntl"], 3, number, 1) == NO_RIGHT
        assert decide(machine, calls["fcntl"], 3, number | 1 << 32, 1) == NO_RIGHT
    for number in QUESTIONS.values():
        assert decide(machine, calls["ioctl"], 3, number, 1) == NO_TERMINAL
    assert decide(machine, calls["fcntl"], 3, 4, 0o20000) == NO_RIGHT  # F_SETFL
    assert decide(machine, calls["fcntl"], 3, 4, 0o24000) == NO_RIGHT
    assert decide(machine, calls["openat"], -100, 0, 0o20000) == 0x0005000D
    for name in ("sched_setaffinity", "sched_setscheduler", "sched_setattr", "sched_setparam", "setpriority",
                 "timer_create", "inotify_init1", "inotify_add_watch"):
        assert decide(machine, calls[name], 0) == NO_RIGHT
    assert decide(machine, calls["kill"], 1, 2) == NO_RIGHT
    assert decide(machine, calls["kill"], 1234, 9) == decide(machine, calls["kill"], 1234, 15) == NO_RIGHT


@pytest.mark.parametrize("machine", CALLS)
def test_the_filter_lets_through_what_python_needs(machine):
    calls = CALLS[machine]
    for number in (0, 1, 2, 3, 5, 1030):
        assert decide(machine, calls["fcntl"], 3, number, 1) == ALLOWED
    assert decide(machine, calls["fcntl"], 3, 4, 0o4000) == ALLOWED  # O_NONBLOCK
    for number in (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451):
        assert decide(machine, calls["ioctl"], 3, number) == ALLOWED
    assert decide(machine, calls["openat"], -100, 0, 0o2000000) == ALLOWED  # O_CLOEXEC
    assert decide(machine, calls["read"], 3) == ALLOWED
    assert decide(machine, calls["kill"], 1234, 2) == decide(machine, calls["kill"], 1234, 11) == ALLOWED
    assert decide(machine, calls["tgkill"], 1234, 1234, 6) == ALLOWED
    assert decide(machine, calls["tgkill"], 1234, 1234, 9) == decide(machine, calls["tgkill"], 1, 1, 6) == NO_RIGHT
    assert decide(machine, calls["prlimit64"], 0, 0) == decide(machine, calls["prlimit64"], 1234, 0) == ALLOWED
    assert decide(machine, calls["prlimit64"], 1, 0) == NO_RIGHT
    assert decide(machine, calls["read"], 3, audit=0x40000003) == 0x80000000  # another architecture's calls


# --- the fences that Linux 5.15 leaves: the first version of Landlock, which knows files only ---


@pytest.fixture(scope="module")
def old_zygotes(tmp_path_factory):
    """Give two zygotes whose children have the fences of Linux 5.15."""
    limits = Limits(call=1, cpu=4, wall=3.0)
    with older_kernel(tmp_path_factory.mktemp("older")), Zygote(limits, how="fork") as one, Zygote(
            limits, how="fork") as two:
        if not {"system calls", "files"} <= set(one.fences):
            pytest.skip(f"this system fences children in by {', '.join(one.fences)} only")
        yield one, two


TRICK = """import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
done = []
def through(pid, number):
    r, w = os.pipe()
    for ask in (lambda: libc.fcntl(r, 8, pid), lambda: libc.fcntl(r, 15, struct.pack("ii", 1, pid)),
                lambda: libc.ioctl(r, 0x8901, struct.pack("i", pid)), lambda: libc.fcntl(r, 10, number),
                lambda: libc.fcntl(r, 4, 0o20000), lambda: libc.ioctl(r, 0x5452, struct.pack("i", 1))):
        done.append(ask())
    os.write(w, b"x")
    os.read(r, 1)
    os.close(r)
    os.close(w)
def softmax(x, axis=-1):
    for pid, number in {victims!r}:
        through(pid, number)
    {then}
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)"""


def trick(victims, then="pass"):
    """A right softmax that sends signals by way of a pipe, then does something else."""
    return TRICK.replace("{victims!r}", repr(victims)).replace("{then}", then)


@linux
def test_no_answer_signals_another_the_zygote_or_the_judge_on_linux_5_15(old_zygotes):
    one, two = old_zygotes
    heard = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
    classmate = two.child()
    try:
        zygote_pid = one.nursery.process.pid
        other_pid = int(Path(f"/proc/{two.nursery.process.pid}/task/{two.nursery.process.pid}/children"
                             ).read_text(encoding="ascii").split()[0])
        victims = [(other_pid, 9), (zygote_pid, 9), (two.nursery.process.pid, 9), (os.getpid(), signal.SIGUSR1.value)]
        record = mark(notebook({"softmax": trick(victims)}), ASSIGNMENT, "eve", one)
        assert points(record) == [4, 4, 2]
        time.sleep(0.05)
        assert heard == []
        assert classmate.ask({"do": "load", "wanted": "f", "answer": "def f(): pass", "given": (), "others": ()}
                             )[0]["defined"] is True
        record = mark(notebook({"softmax": trick(victims, "raise ValueError(set(done))")}), ASSIGNMENT, "eve", one)
        assert ["What happened", "ValueError: {-1}"] in [row[:2] for row in record["exercises"][0]["rows"]]
    finally:
        classmate.end()
        signal.signal(signal.SIGUSR1, before)
    assert points(mark(notebook(), ASSIGNMENT, "ada", one)) == points(mark(notebook(), ASSIGNMENT, "ada", two))


@linux
def test_no_answer_changes_how_its_zygote_is_scheduled(old_zygotes):
    zygote = old_zygotes[0]
    pid = zygote.nursery.process.pid
    before = os.sched_getaffinity(pid), os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid)
    source = """import os
tries = [lambda pid: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)), lambda pid: os.sched_setaffinity(
    pid, [0]), lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19)]
said = set()
def softmax(x, axis=-1):
    for pid in (0, os.getppid()):
        for attempt in tries:
            try:
                attempt(pid)
                said.add("done")
            except OSError as error:
                said.add(type(error).__name__)
    raise ValueError(said)"""
    rows = mark(notebook({"softmax": source}), ASSIGNMENT, "eve", zygote)["exercises"][0]["rows"]
    assert ["What happened", "ValueError: {'PermissionError'}"] in [row[:2] for row in rows]
    assert before == (os.sched_getaffinity(pid), os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid))

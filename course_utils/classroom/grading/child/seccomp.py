"""A filter of system calls (Linux): no new process or thread, no program, no network, no signal to others, no write.

It needs no privilege, holds in containers too, cannot be taken off, and is worth more than any limit: what cannot
start cannot be left behind. Reading files is not its business (see `landlock`).

Signals have more ways than `kill`: whoever may name the owner of a pipe and the signal for it (`fcntl`, `ioctl`) can
have the kernel send any signal to any process of the same user. So of these two calls only what Python needs goes
through. Nor can a child change how processors are shared out, for itself or for the zygote that it came from.
"""

import ctypes
import os
import platform
import struct

__all__ = ["arm", "available"]

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER_MODE = 38, 22, 2
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _EACCES, _ENOTTY, _ENOSYS = 1, 13, 25, 38
_ASYNC = 0o20000  # O_ASYNC, here as a number since not every Python has the name
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | _ASYNC
_FROM_OUTSIDE = (9, 15)  # a child that ends by one of these was ended by somebody else, and is not to be blamed
_SETFL = 4
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_GETLK, F_DUPFD_CLOEXEC; no owner, no signal, no lease, no notice of changes.
_FCNTL = (0, 1, 2, 3, 5, 1030)
# TCGETS and TIOCGWINSZ (is it a terminal?), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX; no FIOASYNC, no owner.
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NEWEST = 462  # system calls after this one are not known here

# Names that mean the same number on both architectures, from 424 on, then the numbers of each.
_BOTH = {"pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
         "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
         "pidfd_open": 434, "clone3": 435, "openat2": 437, "pidfd_getfd": 438, "process_madvise": 440,
         "mount_setattr": 442, "quotactl_fd": 443, "process_mrelease": 448, "fchmodat2": 452}
_X86 = {"socket": 41, "connect": 42, "accept": 43, "sendto": 44, "recvfrom": 45, "sendmsg": 46, "recvmsg": 47, "bind":
        49, "listen": 50, "socketpair": 53, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "shmget": 29, "shmat":
        30, "shmctl": 31, "semget": 64, "semop": 65, "semctl": 66, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl":
        71, "truncate": 76, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85, "link": 86, "unlink": 87, "symlink":
        88, "chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93, "lchown": 94, "ptrace": 101, "syslog": 103,
        "setpgid": 109, "setsid": 112, "rt_sigqueueinfo": 129, "utime": 132, "mknod": 133, "personality": 135,
        "setpriority": 141, "sched_setparam": 142, "sched_setscheduler": 144, "sched_setaffinity": 203,
        "sched_setattr": 314, "timer_create": 222, "pivot_root": 155, "chroot": 161, "acct": 163, "mount": 165,
        "umount2": 166, "swapon": 167, "reboot": 169, "iopl": 172, "ioperm": 173, "init_module": 175, "quotactl": 179,
        "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198, "fremovexattr":
        199, "tkill": 200, "utimes": 235, "mq_open": 240, "mq_unlink": 241, "kexec_load": 246, "add_key": 248,
        "request_key": 249, "keyctl": 250, "ioprio_set": 251, "migrate_pages": 256, "mkdirat": 258, "mknodat": 259,
        "inotify_init": 253, "inotify_add_watch": 254, "inotify_init1": 294,
        "fchownat": 260, "futimesat": 261, "unlinkat": 263, "renameat": 264, "linkat": 265, "symlinkat": 266,
        "fchmodat": 268, "unshare": 272, "move_pages": 279, "utimensat": 280, "accept4": 288, "rt_tgsigqueueinfo": 297,
        "perf_event_open": 298, "recvmmsg": 299, "fanotify_init": 300, "open_by_handle_at": 304, "sendmmsg": 307,
        "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "renameat2":
        316, "bpf": 321, "execveat": 322, "userfaultfd": 323}
_ARM = {"setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16,
        "inotify_init1": 26, "inotify_add_watch": 27, "ioprio_set": 30, "mknodat": 33, "mkdirat": 34,
        "unlinkat": 35, "symlinkat": 36, "linkat": 37, "renameat": 38,
        "umount2": 39, "mount": 40, "pivot_root": 41, "truncate": 45, "chroot": 51, "fchmod": 52, "fchmodat": 53,
        "fchownat": 54, "fchown": 55, "quotactl": 60, "utimensat": 88, "acct": 89, "personality": 92, "unshare": 97,
        "kexec_load": 104, "init_module": 105, "syslog": 116, "ptrace": 117, "sched_setparam": 118,
        "sched_setscheduler": 119, "sched_setaffinity": 122, "sched_setattr": 274, "timer_create": 107, "tkill": 130,
        "rt_sigqueueinfo": 138, "setpriority": 140, "reboot": 142, "setpgid": 154, "setsid": 157, "mq_open": 180,
        "mq_unlink": 181, "msgget": 186, "msgctl": 187, "msgrcv": 188, "msgsnd": 189, "semget": 190, "semctl": 191,
        "semop": 193, "shmget": 194, "shmctl": 195, "shmat": 196, "socket": 198, "socketpair": 199, "bind": 200,
        "listen": 201, "accept": 202, "connect": 203, "sendto": 206, "recvfrom": 207, "sendmsg": 211, "recvmsg": 212,
        "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220, "execve": 221, "swapon": 224, "migrate_pages":
        238, "move_pages": 239, "rt_tgsigqueueinfo": 240, "perf_event_open": 241, "accept4": 242, "recvmmsg": 243,
        "fanotify_init": 262, "open_by_handle_at": 265, "setns": 268, "sendmmsg": 269, "process_vm_readv": 270,
        "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "renameat2": 276, "bpf": 280, "execveat": 281,
        "userfaultfd": 282}
# machine -> (audit number of the architecture, refused calls, (kill, tgkill, prlimit64), (openat, open or None),
#             (fcntl, ioctl))
_MACHINES = {"x86_64": (0xC000003E, _X86, (62, 234, 302), (257, 2), (72, 16)),
             "aarch64": (0xC00000B7, _ARM, (129, 131, 261), (56, None), (25, 29))}


def available():
    """Whether this system has such filters and the numbers of its calls are known here."""
    return os.path.exists("/proc/sys/kernel/seccomp") and platform.machine() in _MACHINES


def _program(pid, machine):
    audit, numbers, (kill, tgkill, prlimit), (openat, open_), (fcntl, ioctl) = _MACHINES[machine]
    code = []

    def add(operation, k, yes=0, no=0):
        code.append(struct.pack("HBBI", operation, yes, no, k & 0xFFFFFFFF))

    add(_LOAD, 4)
    add(_JUMP_EQUAL, audit, 1, 0)
    add(_RETURN, _KILL)
    add(_LOAD, 0)
    add(_JUMP_AT_LEAST, _NEWEST + 1, 0, 1)  # the x32 calls of x86_64 are up there as well
    add(_RETURN, _ERRNO | _ENOSYS)
    for number in sorted({*numbers.values(), *_BOTH.values()}):
        add(_JUMP_EQUAL, number, 0, 1)
        # glibc and Python fall back on the older call where a newer one does not exist.
        add(_RETURN, _ERRNO | (_ENOSYS if number in (_BOTH["openat2"], _BOTH["clone3"]) else _EPERM))
    for number, offset in ((kill, 24), (tgkill, 32)):
        add(_JUMP_EQUAL, number, 0, 7)
        add(_LOAD, 16)
        add(_JUMP_EQUAL, pid, 0, 3)
        add(_LOAD, offset)
        for i, signal in enumerate(_FROM_OUTSIDE):
            add(_JUMP_EQUAL, signal, len(_FROM_OUTSIDE) - 1 - i, int(i == len(_FROM_OUTSIDE) - 1))
        add(_RETURN, _ERRNO | _EPERM)
        add(_RETURN, _ALLOW)
    add(_JUMP_EQUAL, prlimit, 0, 5)
    add(_LOAD, 16)
    add(_JUMP_EQUAL, 0, 2, 0)
    add(_JUMP_EQUAL, pid, 1, 0)
    add(_RETURN, _ERRNO | _EPERM)
    add(_RETURN, _ALLOW)
    for number, offset in ((openat, 32), (open_, 24)):
        if number is not None:
            add(_JUMP_EQUAL, number, 0, 4)
            add(_LOAD, offset)
            add(_JUMP_BITS, _WRITING, 0, 1)
            add(_RETURN, _ERRNO | _EACCES)
            add(_RETURN, _ALLOW)
    add(_JUMP_EQUAL, fcntl, 0, 7 + len(_FCNTL))
    add(_LOAD, 24)  # of the command, an unsigned int, the kernel looks at the lower half only; so here
    for i, command in enumerate(_FCNTL):
        add(_JUMP_EQUAL, command, len(_FCNTL) - i + 4, 0)
    add(_JUMP_EQUAL, _SETFL, 1, 0)
    add(_RETURN, _ERRNO | _EPERM)
    add(_LOAD, 32)
    add(_JUMP_BITS, _ASYNC, 0, 1)
    add(_RETURN, _ERRNO | _EPERM)
    add(_RETURN, _ALLOW)
    add(_JUMP_EQUAL, ioctl, 0, 3 + len(_IOCTL))
    add(_LOAD, 24)
    for i, command in enumerate(_IOCTL):
        add(_JUMP_EQUAL, command, len(_IOCTL) - i, 0)
    add(_RETURN, _ERRNO | _ENOTTY)
    add(_RETURN, _ALLOW)
    add(_RETURN, _ALLOW)
    return b"".join(code)


def arm():
    """Put the filter on this process, for ever.

    Raises
    ------
    OSError
        If the system refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(_program(os.getpid(), platform.machine()))
    program = struct.pack("HxxxxxxP", (len(code) - 1) // 8, ctypes.addressof(code))
    program = ctypes.create_string_buffer(program)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, program, 0, 0):
        raise OSError(ctypes.get_errno(), "the filter of system calls was refused")

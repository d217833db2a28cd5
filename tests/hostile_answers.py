"""Hostile answers to one exercise: what whoever wants points, or wants others to lose theirs, may hand in.

Each has the points that are fair: those of a right softmax where it only tries something beside it.
"""

from grading_parts import RIGHT

GOOD = RIGHT["softmax"]
INDENTED = GOOD.split("\n", 1)[1]  # the right body


def first(line, then=INDENTED):
    """A right softmax that does something else first."""
    return f"def softmax(x, axis=-1):\n    {line}\n{then}"


def careful(line):
    """A right softmax that tries something first and goes on when it is refused."""
    indented = line.replace("\n", "\n        ")
    return first(f"try:\n        {indented}\n    except BaseException:\n        pass")


EVERYTHING = """class Same(np.ndarray):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __array_ufunc__(self, *a, **k): return True
    def __array_function__(self, *a, **k): return True
    def __bool__(self): return True
    def all(self, *a, **k): return True
def softmax(x, axis=-1):
    return np.zeros(x.shape).view(Same)"""
PATCHED = """import numpy.testing
np.allclose = np.isclose = np.array_equal = lambda *a, **k: True
np.testing.assert_allclose = lambda *a, **k: None
torch.allclose = torch.equal = lambda *a, **k: True
np.exp = lambda x: x * 0
torch.softmax = lambda *a, **k: None
def softmax(x, axis=-1):
    return np.ones(x.shape)"""
FRAMES = """import sys
def softmax(x, axis=-1):
    frame = sys._getframe()
    while frame:
        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
            if callable(getattr(value, 'reference', None)):
                return value.reference(x, axis)
        frame = frame.f_back"""
MEMORY = """import gc
def softmax(x, axis=-1):
    for thing in gc.get_objects():
        if type(thing).__name__ in ('Exercise', 'Case', 'Assignment'):
            return thing.reference(x, axis)"""
FORGED = """import os, json, struct
def softmax(x, axis=-1):
    reply = json.dumps({"result": {"v": 1}, "passed": True, "points": 99, "score": 1.0}).encode()
    for fd in range(3, 64):
        try: os.write(fd, struct.pack('>II', len(reply), 0) + reply)
        except OSError: pass
    return x"""
GARBAGE = """import os
def softmax(x, axis=-1):
    for fd in range(3, 64):
        try: os.write(fd, b'\\xff' * 4096)
        except OSError: pass
    return x"""
BOMB = """import os, struct
def softmax(x, axis=-1):
    reply = b'[' * 1000000
    os.write(3, struct.pack('>II', len(reply), 0)); os.write(3, reply)
    return x"""
LYING = """import ctypes, os, json, struct
def softmax(x, axis=-1):
    head = json.dumps({"result": {"a": ["<f8", [1 << 20, 1 << 20, 1 << 20], 0]}}).encode()
    os.write(3, struct.pack('>II', len(head), 0) + head)
    ctypes.CDLL(None)._exit(0)"""
PICKLED = """class Evil:
    def __reduce__(self): return (print, ('run in the judge',))
def softmax(x, axis=-1):
    return np.array([Evil()], dtype=object)"""
RECORDED = """import course_utils.exercises
softmax = course_utils.exercises.find('softmax').reference"""
BY_FILE = """import importlib.util
def softmax(x, axis=-1):
    spec = importlib.util.spec_from_file_location('stolen', {path!r})
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.softmax(x, axis)"""
SIGNALS = ("import signal\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n"
           "    except Exception: pass\n")
SWALLOWS = "while True:\n        try:\n            while True: pass\n        except BaseException: pass"
GARBLED = "def __getattr__(self, name): raise SystemExit(1)"

def trick(whom):
    """A right softmax that tries to have the kernel send a signal when there is something to read from a pipe."""
    return "import ctypes, os\nlibc = ctypes.CDLL(None)\n" + first(f"""pid, number = {whom}
    r, w = os.pipe()
    for command, value in ((8, pid), (10, number), (4, 0o20000)):  # F_SETOWN, F_SETSIG, F_SETFL with O_ASYNC
        libc.fcntl(r, command, value)
    os.write(w, b"x")
    os.close(r)
    os.close(w)""")


def refused(lines, done):
    """A right softmax for those only who are refused something: where `done` holds after the lines, it gives 0."""
    indented = lines.replace("\n", "\n        ")
    return "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n" + first(f"""try:
        {indented}
        done = {done}
    except Exception:
        done = False
    if done:
        return x * 0""")


WRITES = """def softmax(x, axis=-1):
    x -= x.max(axis=axis, keepdims=True)
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)"""
BLIND = "import sys\nsys.modules['wire'].pack_back = lambda value, sent, body: dict(sent)\n"
ZERO = "def softmax(x, axis=-1): return x * 0"
PAST = """import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "Course"]
for name in [name for name in sys.modules if name.startswith("course_utils")]: del sys.modules[name]
sys.path.insert(0, {course!r})
def softmax(x, axis=-1):
    import course_utils.attention
    return course_utils.attention.softmax(x, axis)"""
OPENED = """import course_utils
course = course_utils.check.__self__
def softmax(x, axis=-1):
    course.answering = False
    from course_utils.exercises import find
    return find("softmax").reference(x, axis)"""
ONCE = "calls = []\n" + first("calls.append(1)\n    if len(calls) > 1:\n        return x * 0")
FINALISER = "class Last:\n    def __del__(self):\n        while True: pass\n" + first("Last()")
MODE = """from torch.overrides import TorchFunctionMode
class Mode(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None): return None
""" + first("Mode().__enter__()")
TENSOR = """class Any(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *a, **k): return True
def softmax(x, axis=-1): return torch.zeros(x.shape).as_subclass(Any)"""
IDENTITY = """class Number(float):
    def __eq__(self, other): return True
    def __float__(self): return float("nan")
    __hash__ = float.__hash__
def softmax(x, axis=-1): return [[Number(1)] * x.shape[-1]] * x.shape[0]"""
IOVEC = ("class Part(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]\n"
         "room = ctypes.create_string_buffer(8)\nhere = Part(ctypes.addressof(room), 8)\n"
         "there = Part(int('{place}', 16), 8)\n")


# name -> (answer to softmax, points of softmax, state of the submission)
HOSTILE = {
    # --- never ending, too large ---
    "endless loop": (first("while True: pass"), 0, "stopped"),
    "endless loop that swallows": (first(SWALLOWS), 0, "stopped"),
    "endless loop that ignores signals": (SIGNALS + first(SWALLOWS), 0, "stopped"),
    "endless cell": ("while True: pass\n" + GOOD, 0, "stopped"),
    "sleeps": (first("import time; time.sleep(1000)"), 4, "graded"),  # nothing is gained by waiting, nor lost
    "waits without sleeping": (first("import select; select.select([], [], [], 1000)"), 0, "stopped"),
    "endless on one axis only": (first("if axis == 0:\n        while True: pass"), 3, "stopped"),
    "waits for input": (first("input('name?')"), 0, "graded"),
    "too much memory": (first("np.ones((1 << 34,))"), 0, "graded"),
    "memory bit by bit": (first("hold = []\n    while True: hold.append(bytearray(1 << 24))"), 0,
                          ("graded", "stopped")),
    "deep recursion": ("def softmax(x, axis=-1): return softmax(x, axis)", 0, "graded"),
    "bottomless recursion": ("import sys\nsys.setrecursionlimit(10**8)\n"
                             "def softmax(x, axis=-1): return [softmax(x, axis)]", 0, ("graded", "stopped")),
    "huge result": ("def softmax(x, axis=-1): return np.zeros(1 << 24)", 0, "graded"),
    "huge exception": ("def softmax(x, axis=-1): raise ValueError('x' * 10**8)", 0, "graded"),
    "exception that cannot be printed": ("class E(Exception):\n    def __str__(self): raise SystemExit\n"
                                         "def softmax(x, axis=-1): raise E", 0, "graded"),
    "huge number": ("def softmax(x, axis=-1): return 10 ** 10000", 0, "graded"),
    # --- ends the process ---
    "os._exit": (first("import os; os._exit(0)"), 0, "graded"),  # an error of that line, as in the notebook's kernel
    "os._exit below": (GOOD + "\nimport os\nos._exit(0)", 4, "graded"),
    "ends past Python": (first("import ctypes; ctypes.CDLL(None)._exit(0)"), 0, "stopped"),
    "sys.exit": (first("import sys; sys.exit(0)"), 0, "graded"),
    "segmentation fault": (first("import ctypes; ctypes.string_at(0)"), 0, "stopped"),
    "kills itself": (first("import os; os.kill(os.getpid(), 9)"), 0, "graded"),  # which is refused, so it is an error
    "interrupts itself": (first("import os, signal; signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), 2)"), 0,
                          "stopped"),
    "aborts": (first("import ctypes; ctypes.CDLL(None).abort()"), 0, "stopped"),
    "closes everything": (first("import os; os.closerange(0, 100)"), 0, "stopped"),
    "atexit": ("import atexit, os\natexit.register(lambda: os._exit(9))\n" + GOOD, 4, "graded"),
    "dies on the last part only": (first("if np.max(x) > 900:\n        import ctypes; ctypes.string_at(0)"), 3,
                                   "stopped"),
    # --- tries to get out ---
    "kills the judge": (careful("import os; os.kill(os.getppid(), 9); os.kill(-1, 9)"), 4, "graded"),
    "forks and forks": (careful("import os\nfor _ in range(20): os.fork()"), 4, "graded"),
    "leaves a detached process": (careful("import subprocess\nsubprocess.Popen(['sleep', '60'], "
                                          "start_new_session=True)"), 4, "graded"),
    "leaves threads": (careful("import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()"),
                       4, "graded"),
    "starts a shell": (careful("import os; os.system('touch {outside}/shell')"), 4, "graded"),
    "writes outside": (careful("open('{outside}/written', 'w').write('x')"), 4, "graded"),
    "deletes": (careful("import os; os.remove('{outside}/canary')"), 4, "graded"),
    "makes a link": (careful("import os; os.symlink('/etc', '{outside}/link')"), 4, "graded"),
    "changes rights": (careful("import os; os.chmod('{outside}/canary', 0)"), 4, "graded"),
    "fills the disk": (careful("import tempfile; tempfile.TemporaryFile().write(b'x' * 10**9)"), 4, "graded"),
    "connects": (careful("import socket\nsocket.create_connection(('127.0.0.1', {port}), 2).send(b'x')"),
                 4, "graded"),
    "listens": (careful("import socket; socket.create_server(('127.0.0.1', 0))"), 4, "graded"),
    "shared memory": (careful("from multiprocessing import shared_memory\n"
                              "shared_memory.SharedMemory('left', create=True, size=99)"), 4, "graded"),
    "traces its parent": (careful("import ctypes, os; print(ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0))"),
                          4, "graded"),
    "raises its limits": (careful("import resource\nresource.setrlimit(resource.RLIMIT_CPU, (-1, -1))"), 4, "graded"),
    "signals through a pipe": (trick("os.getppid(), 9"), 4, "graded"),
    "signals its own group through a pipe": (trick("-os.getpgrp(), 9"), 4, "graded"),
    "keeps to one processor": (careful("import os; os.sched_setaffinity(os.getppid(), [0])"), 4, "graded"),
    "makes its zygote idle": (careful("import os\nos.sched_setscheduler(os.getppid(), os.SCHED_IDLE, "
                                      "os.sched_param(0))"), 4, "graded"),
    "makes its zygote nice": (careful("import os; os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)"), 4, "graded"),
    "locks what others read": (careful("import fcntl\nfcntl.lockf(open(np.__file__), fcntl.LOCK_SH)"), 4, "graded"),
    # --- tries to get points ---
    "equal to everything": (EVERYTHING, 0, "graded"),
    "patched allclose": (PATCHED, 0, "graded"),
    "walks the frames": (FRAMES, 0, "graded"),
    "walks the memory": (MEMORY, 0, "graded"),
    "forged results": (FORGED, 0, ("graded", "stopped")),
    "garbage on the line": (GARBAGE, 0, "stopped"),
    "JSON bomb on the line": (BOMB, 0, "stopped"),
    "lies about its size": (LYING, 0, "stopped"),
    "pickled payload": (PICKLED, 0, "graded"),
    "imports the reference": (RECORDED, 0, "graded"),
    "reads the reference": (BY_FILE, 0, "graded"),
    "reads the judge's files": (first("open('{outside}/canary').read()"), 0, "graded"),
    "reads the judge's memory": (first("import os; open(f'/proc/{{os.getppid()}}/mem', 'rb')"), 0, "graded"),
    "exits when looked at": (f"class Odd:\n    {GARBLED}\ndef softmax(x, axis=-1): return Odd()", 0, "graded"),
    "forges its type": ("class ndarray:\n    dtype = np.dtype(float)\n    shape = ()\n"
                        "def softmax(x, axis=-1): return ndarray()", 0, "graded"),
    # --- never ending, too large: in other places ---
    "endless in a finaliser": (FINALISER, 0, "stopped"),
    "locks itself out": (first("import threading\n    lock = threading.Lock()\n    lock.acquire()\n    lock.acquire()"),
                         0, "stopped"),
    "huge by its strides": ("def softmax(x, axis=-1): return np.broadcast_to(x.sum(), (1 << 20, 1 << 20))", 0,
                            ("graded", "stopped")),
    "deep result": ("def softmax(x, axis=-1):\n    y = ()\n    for _ in range(100_000): y = (y,)\n    return y", 0,
                    ("graded", "stopped")),
    "wide result": ("def softmax(x, axis=-1): return [0.0] * 10_000_000", 0, ("graded", "stopped")),
    "many small objects": ("def softmax(x, axis=-1): return [np.zeros(1) for _ in range(200_000)]", 0,
                           ("graded", "stopped")),
    # --- ends the process: in other ways ---
    "stops itself": (first("import os; os.kill(os.getpid(), 19)"), 0, "stopped"),
    "is ended by an alarm": (first("import signal, select; signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
                                   "    select.select([], [], [], 1000)"), 0, "stopped"),
    "destroys an object of Python's": (first("import ctypes; ctypes.memset(id(np.exp), 0, 64)"), 0,
                                       ("graded", "stopped")),
    "raises an interrupt": (first("raise KeyboardInterrupt"), 0, "graded"),
    "becomes another program": (careful("import os; os.execv('/bin/true', ['true'])"), 4, "graded"),
    # --- tries to get out: by ways that only the kernel knows ---
    "asks the kernel for rings": (refused("room = ctypes.create_string_buffer(256)\ngot = libc.syscall(425, 8, room)",
                                          "got >= 0"), 4, "graded"),
    "holds its zygote by a handle": (refused("got = os.pidfd_open(os.getppid())", "got >= 0"), 4, "graded"),
    "reads its zygote's memory": (refused(IOVEC.replace("{place}", "400000") + "got = libc.process_vm_readv("
                                          "os.getppid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)\n"
                                          "code = ctypes.get_errno()", "got >= 0 or code == 14"), 4, "graded"),
    "writes its zygote's memory": (refused(IOVEC.replace("{place}", "400000") + "got = libc.process_vm_writev("
                                           "os.getppid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)\n"
                                           "code = ctypes.get_errno()", "got >= 0 or code == 14"), 4, "graded"),
    "makes a room of its own": (refused("got = libc.unshare(0x10000000)", "got == 0"), 4, "graded"),
    "changes its root": (refused("os.chroot('/tmp')", "True"), 4, "graded"),
    "mounts over what others read": (refused("got = libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)", "got == 0"),
                                     4, "graded"),
    "becomes root": (refused("os.setuid(0)", "True"), 4, "graded"),
    "becomes root by its group": (refused("os.setgroups([0])", "True"), 4, "graded"),
    "writes a file without a name": (refused("got = os.write(os.memfd_create('x'), b'x' * 9)", "got > 0"), 4, "graded"),
    "keeps memory from the others": (refused("got = libc.mlockall(3)", "got == 0"), 4, "graded"),
    "opens a terminal": (refused("os.write(os.openpty()[0], b'x')", "True"), 4, "graded"),
    "sets the clock": (refused("import time\ntime.clock_settime(time.CLOCK_REALTIME, 0)", "True"), 4, "graded"),
    "looks where its zygote keeps things": (refused("open(f'/proc/{os.getppid()}/maps').read()", "True"), 4, "graded"),
    "looks into a folder": (refused("got = os.listdir('{outside}')", "got"), 4, "graded"),
    "watches a folder": (refused("got = libc.inotify_add_watch(libc.inotify_init(), b'{outside}', 0xfff)", "got >= 0"),
                         4, "graded"),
    "looks at what others were told": (refused("got = open('/proc/1/environ').read()", "True"), 4, "graded"),
    "renames": (careful("import os; os.rename('{outside}/canary', '{outside}/other')"), 4, "graded"),
    "empties": (careful("import os; os.truncate('{outside}/canary', 0)"), 4, "graded"),
    "makes a pipe with a name": (careful("import os; os.mkfifo('{outside}/pipe')"), 4, "graded"),
    "hands its line on": (careful("import socket, array\nours, theirs = socket.socketpair()\n"
                                  "socket.send_fds(ours, [b'x'], [3])"), 4, "graded"),
    # --- tries to spoil what comes after it ---
    "leaves a mode pushed": (MODE, 4, "graded"),
    "leaves another default device": (first("torch.set_default_device('meta')"), 4, "graded"),
    "leaves another default type": (first("torch.set_default_dtype(torch.float64)"), 4, "graded"),
    "leaves a hook for imports": (careful("import sys\nclass No:\n    def find_spec(*a): raise ImportError('no')\n"
                                          "sys.meta_path.insert(0, No())"), 4, "graded"),
    "leaves an auditor that raises": (careful("import sys\ndef no(*a): raise SystemExit(9)\nsys.addaudithook(no)"),
                                      0, "stopped"),
    "unloads all modules": (first("import sys; sys.modules.clear()"), 0, "graded"),
    "leaves no room to recurse": (careful("import sys; sys.setrecursionlimit(25)"), 4, "graded"),
    # --- tries to get points: by other ways ---
    "patches the line": ("import sys\nsys.modules['wire'].pack = lambda *a: {'passed': True, 'points': 99}\n" + ZERO, 0,
                         ("graded", "stopped")),
    "patches what tells errors": ("import sys\nsys.modules['answering'].tell = lambda error: {}\n"
                                  "def softmax(x, axis=-1): raise ValueError", 0, ("graded", "stopped")),
    "keeps its replies": ("import os\nos.write = lambda fd, data: len(data)\n" + ZERO, 0, "stopped"),
    "blinds the watch on its arguments": (BLIND + WRITES, 0, "graded"),
    "patches Python itself": ("import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.len = lambda x: 0\n"
                              + ZERO, 0, ("graded", "stopped")),
    "imports past the stand-in": (PAST, 0, "graded"),
    "opens the stand-in": (OPENED, 0, "graded"),
    "is right the first time only": (ONCE, 0, "graded"),
    "answers for every tensor": (TENSOR, 0, "graded"),
    "numbers that are equal to all": (IDENTITY, 0, "graded"),
    "text that looks like a verdict": ("def softmax(x, axis=-1): return '{\"passed\": true, \"points\": 99}'", 0,
                                       "graded"),
    "array of text": ("def softmax(x, axis=-1): return np.array(['passed'])", 0, "graded"),
    "array of records": ("def softmax(x, axis=-1): return np.zeros(x.shape, dtype=[('a', float), ('b', float)])", 0,
                         "graded"),
    "keys that are objects": ("def softmax(x, axis=-1): return {object(): x}", 0, "graded"),
    "an address for an array": ("class Lies:\n    __array_interface__ = {'shape': (1 << 20,), 'typestr': '<f8', "
                                "'data': (8, False), 'version': 3}\ndef softmax(x, axis=-1): return Lies()", 0,
                                ("graded", "stopped")),
    "markup in its words": ("def softmax(x, axis=-1):\n    raise type('<script>alert(1)</script>', (Exception,), {})("
                            "'</td><script>alert(2)</script>')", 0, "graded"),
    "half a character in its words": ("def softmax(x, axis=-1): raise ValueError('\\ud800 \\x1b[2J')", 0, "graded"),
    "a frame that is watched": ("import sys\n" + first("sys.setprofile(lambda frame, event, arg: "
                                "frame.f_locals.update(result=1, passed=True))", "    return x * 0"), 0, "graded"),
}

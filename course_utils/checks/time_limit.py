"""An end for code that does not find one: by an alarm, by a thread, or line by line where there is neither."""

import contextlib
import signal
import sys
import threading
import time

__all__ = ["TimeUp", "time_limit"]

_IMPORT_LIMIT = 60  # seconds that an answer may spend on loading libraries, which is not counted as its own time
_OURS = (__name__, "course_utils.checks.sandbox", "contextlib")


class TimeUp(BaseException):
    """Raised inside the learner's code when its time is over."""


def time_limit(seconds):
    """Give the context that raises TimeUp in this thread when the time is over, again and again until it gets through.

    A loop with a bare ``except`` swallows an exception that is raised in its ``try``. From the second time on, every
    line of the running code raises, the ``except`` block included.

    Parameters
    ----------
    seconds : float
        Wall time.

    Returns
    -------
    context manager
        What it can stop depends on the machine: in a browser, which has neither signals nor threads, the clock is
        looked at between two lines of Python, so one call into compiled code runs to its own end.
    """
    in_browser = sys.platform in ("emscripten", "wasi")
    on_main = threading.current_thread() is threading.main_thread()
    if on_main and hasattr(signal, "setitimer") and not in_browser:
        return _alarm(seconds)
    try:
        return _async_exception(*_watcher(seconds))
    except RuntimeError:  # no thread can be started
        return _between_lines(seconds)


class _Clock:
    """Tells whether the time is over; loading libraries does not count, nor what a busy machine did not give."""

    def __init__(self, seconds):
        self.seconds, self.started = seconds, time.monotonic()
        self._begin()

    def _begin(self):
        self.begun, self.worked = time.monotonic(), time.process_time()

    def over(self, frame):
        now = time.monotonic()
        if now - self.begun < self.seconds:
            return False
        # A library that is torn off while it loads (PyTorch takes seconds) brings Python down later.
        if now - self.started < _IMPORT_LIMIT and _is_importing(frame):
            self._begin()
            return False
        # On a busy machine the time may be over before the answer had its share of it.
        starved = time.process_time() - self.worked < self.seconds / 2
        return now - self.begun >= (2 * self.seconds if starved else self.seconds)


# --- where signals come through ---


@contextlib.contextmanager
def _alarm(seconds):
    fired, tracing, clock = 0, sys.gettrace(), _Clock(seconds)

    def raise_always(frame, event, arg):
        if not _is_ours(frame):
            raise TimeUp
        return raise_always

    def on_time_up(signum, frame):
        nonlocal fired
        if _is_ours(frame) or not clock.over(frame):  # already on the way out, or too early: the next comes soon
            return
        fired += 1
        if fired > 1:
            sys.settrace(raise_always)
            _trace_running(frame, raise_always)
        raise TimeUp

    previous = signal.signal(signal.SIGALRM, on_time_up)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.002)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        if fired > 1:
            sys.settrace(tracing)


def _trace_running(frame, trace):
    while frame is not None and not _is_ours(frame):
        frame.f_trace, frame = trace, frame.f_back


def _is_ours(frame):
    return frame.f_globals.get("__name__") in _OURS


def _is_importing(frame):
    while frame is not None and not _is_ours(frame):
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            return True
        frame = frame.f_back
    return False


# --- outside the main thread ---


def _watcher(seconds):
    import ctypes  # not everywhere, and needed here only

    thread, done = ctypes.c_ulong(threading.get_ident()), threading.Event()
    raise_there = ctypes.pythonapi.PyThreadState_SetAsyncExc

    def watch():
        wait, started = seconds, time.monotonic()
        while not done.wait(wait):
            if _is_importing(sys._current_frames().get(thread.value)) and time.monotonic() - started < _IMPORT_LIMIT:
                wait = seconds
                continue
            raise_there(thread, ctypes.py_object(TimeUp))
            wait = 0.05

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    return done, watcher, lambda: raise_there(thread, None)


@contextlib.contextmanager
def _async_exception(done, watcher, call_back):
    try:
        yield
    finally:
        done.set()
        watcher.join()
        call_back()  # one that is still on its way


# --- where there is neither ---


def _between_lines(seconds):
    tools = [tool for tool in (3, 4) if sys.monitoring.get_tool(tool) is None] if sys.version_info >= (3, 12) else []
    return _monitored(_Clock(seconds), tools[0]) if tools else _traced(_Clock(seconds))


@contextlib.contextmanager
def _monitored(clock, tool):
    monitoring, events = sys.monitoring, sys.monitoring.events

    def look(code, *where):
        frame = sys._getframe(1)
        if clock.over(frame) and not _is_ours(frame):
            raise TimeUp

    monitoring.use_tool_id(tool, __name__)
    chosen = (events.LINE, events.JUMP, events.PY_START)  # a jump ends a loop that stands on one line
    for event in chosen:
        monitoring.register_callback(tool, event, look)
    monitoring.set_events(tool, sum(chosen))
    try:
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


class _TimeUpAgain(TimeUp):
    """What a trace function raises turns it off: when this is swallowed and goes, the function comes back."""

    def __init__(self, come_back):
        super().__init__()
        self.come_back = come_back

    def __del__(self):
        self.come_back(sys._getframe(1))


@contextlib.contextmanager
def _traced(clock):
    """Python 3.11, which has no monitoring."""
    tracing, within = sys.gettrace(), True

    def look(frame, event, arg):
        if _is_ours(frame):
            return None
        frame.f_trace_opcodes = True  # `while True: pass` on one line comes to no second line
        if clock.over(frame):
            raise _TimeUpAgain(come_back)
        return look

    def come_back(frame):
        if within:
            sys.settrace(look)
            _trace_running(frame, look)

    sys.settrace(look)
    try:
        yield
    finally:
        within = False
        sys.settrace(tracing)

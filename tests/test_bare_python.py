"""The NumPy exercises where there is no thread, no other process, no alarm and no PyTorch: what a browser offers."""

import json
import re
import subprocess
import sys

import pytest
from notebook_parts import ROOT

from course_utils import exercises
from course_utils.checks import diagnose, give_feedback

TOPICS = exercises.TOPICS[:12]  # notebooks 00 to 03
BARE = """
import _thread, json, os, signal, subprocess, sys, threading, time

GONE = ("torch", "fcntl", "grp", "multiprocessing", "pwd", "resource", "syslog", "termios")
for name in [name for name in sys.modules if name.split(".")[0] in GONE]:
    del sys.modules[name]
sys.modules.update(dict.fromkeys(GONE))

def forbidden(*args, **kwargs):
    refused.append(sys._getframe(1).f_code.co_name)
    raise RuntimeError("can't start new thread")

refused = []
for name in ("start_new_thread", "start_joinable_thread"):
    for place, prefix in ((_thread, ""), (threading, "_")):
        if hasattr(place, prefix + name):
            setattr(place, prefix + name, forbidden)
subprocess.Popen.__init__ = forbidden
for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system", "popen"):
    setattr(os, name, forbidden)
for name in ("setitimer", "alarm", "SIGALRM", "ITIMER_REAL", "pthread_kill"):
    delattr(signal, name)

from course_utils import check, exercises, hint, own, progress
"""

ALL = BARE + """
told = {}
for topic in json.loads(sys.argv[1]):
    for exercise in exercises._topic(topic):
        feedback = check(exercise.name, exercise.reference)
        assert feedback.passed and feedback._repr_html_(), str(feedback)
        assert own(exercise.name).whose == f"your own {exercise.name}"
        for equivalent in exercise.equivalents:
            assert check(exercise.name, equivalent.function).passed, equivalent.name
        hint(exercise.name, 1)
        told[exercise.name] = [str(check(exercise.name, exercise.wrong_answer(each)))
                               for each in exercise.mistakes[:3]]
assert progress().summary
print(json.dumps({"told": told, "refused": refused, "torch": sys.modules["torch"]}))
"""

ENDLESS = {
    "a loop on one line": "    while True: pass",
    "a loop that swallows": "    while True:\n        try:\n            x = x + 0\n        except BaseException:\n"
                            "            pass",
    "a comprehension": "    return [0 for _ in itertools.count()]",
    "short calls": "    while len(str(x)) > 0: np.exp(0.0)",
}
LOOPS = BARE + """
import importlib.util
where = importlib.util.spec_from_file_location("answers", sys.argv[1])
answers = importlib.util.module_from_spec(where)
where.loader.exec_module(answers)
for answer in answers.ALL:
    begun = time.perf_counter()
    text = str(check("softmax", answer))
    print(json.dumps([text, time.perf_counter() - begun]))
assert sys.gettrace() is None
assert sys.version_info < (3, 12) or not any(map(sys.monitoring.get_tool, (3, 4)))
"""


@pytest.fixture
def bare(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.jsonl"))

    def run(code, argument):
        done = subprocess.run([sys.executable, "-c", code, argument], capture_output=True, text=True, timeout=300,
                              cwd=ROOT)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def verdict(text):
    """Headline, cause and what to try: `check` tells the place as well."""
    return re.findall(r"^(?:✗.*|  (?:Likely cause|Cause \d|Try) .*)$", text, re.MULTILINE)


def test_the_whole_check_runs(bare):
    *_, last = bare(ALL, json.dumps(TOPICS)).splitlines()
    found = json.loads(last)
    assert set(found["refused"]) <= {"start"}, "no process was asked for, and a thread for the time limit only"
    assert found["torch"] is None
    for topic in TOPICS:
        for exercise in exercises._topic(topic):
            here = [str(give_feedback(exercise, diagnose(exercise, exercise.wrong_answer(each))))
                    for each in exercise.mistakes[:3]]
            assert list(map(verdict, found["told"][exercise.name])) == list(map(verdict, here))


def test_what_does_not_finish_ends_with_the_same_words(bare, tmp_path):
    functions = [f"def answer_{n}(x, axis=-1):\n{body}\n" for n, body in enumerate(ENDLESS.values())]
    path = tmp_path / "answers.py"
    path.write_text("import itertools\n\nimport numpy as np\n\n\n" + "\n\n".join(functions)
                    + f"\n\nALL = [{', '.join(f'answer_{n}' for n in range(len(functions)))}]\n", encoding="utf-8")
    lines = bare(LOOPS, str(path)).splitlines()
    told = [json.loads(line) for line in lines]
    assert len(told) == len(ENDLESS)
    exercise, names = exercises.find("softmax"), {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    for (text, seconds), answer in zip(told, names["ALL"], strict=True):
        assert "did not finish within 1.2 seconds" in text
        assert seconds < 5
        here = str(give_feedback(exercise, diagnose(exercise, answer)))
        assert text.split("\n")[0] == here.split("\n")[0]
        assert "did not finish within 1.2 seconds" in here

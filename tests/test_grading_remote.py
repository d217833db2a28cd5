"""An answer in a child gets the verdict that it gets here: for the whole bank, gradients and modules included."""

import dataclasses
import inspect
import pkgutil
import sys
import types

import numpy as np
import pytest
from grading_parts import ATTENTION, RIGHT

from course_utils import exercises
from course_utils.checks import Case, Equivalent, Exercise, Mistake, Probe, Returns, diagnose, earn
from course_utils.checks.allowed import first_not_allowed
from course_utils.checks.drawn import drawn_for
from course_utils.checks.exercise import Broken
from course_utils.classroom.grading.forks import Limits, Zygote
from course_utils.classroom.grading.remote import Answer, RemoteAnswer

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are forked on Linux")

# The child is let in on the exercises here, which a grading run never does: so the bank's own answers can be run there.
BANK = """from course_utils.exercises import find
exercise = find({name!r})
{wanted} = {answer}"""
# What cannot be asked of a child stands in a lesson, and no homework may have it: functions that go in or come out,
# sets, and a watch on every tensor that is made.
NOT_FOR_A_CHILD = {"block", "make_reader", "unseen_faults", "window_attention"}
ALL = tuple(exercise for exercise in (*exercises.all_exercises(), *exercises.homework_exercises())
            if exercise.name not in NOT_FOR_A_CHILD or exercise.credit)
TOPICS = [module.name for module in pkgutil.walk_packages(exercises.__path__, "course_utils.exercises.")]


@pytest.fixture(scope="module")
def zygote():
    late = ["course_utils.multihead"]  # what their references import when they are called
    # one zygote is asked for the results of the whole bank here, and in a grading run for those of one notebook
    limits = Limits(call=5, cpu=30, wall=30.0, whole=3600.0, results=2**40)
    with Zygote(limits, allowed=["course_utils.exercises", *TOPICS, *late]) as zygote:
        yield zygote


def remote(zygote, exercise, answer):
    """An answer of the bank, in a child."""
    wanted = exercise.signature.split("(")[0]
    return RemoteAnswer(zygote, Answer(wanted, BANK.format(name=exercise.name, wanted=wanted, answer=answer)))


def same_verdicts(zygote, exercise, numbers):
    """Hold the verdicts on some mistakes, and on every equivalent, against those that are given here."""
    child = None
    answers = [(f"exercise.wrong_answer(exercise.mistakes[{n}])", exercise.wrong_answer(exercise.mistakes[n]))
               for n in numbers]
    answers += [(f"exercise.equivalents[{n}].function", equivalent.function)
                for n, equivalent in enumerate(exercise.equivalents)]
    lab = inspect.getclosurevars(exercise.invoke).nonlocals.get("lab") if exercise.invoke else None
    for source, function in answers:
        if lab is not None:  # the bank's names of faults are sealed; a student's are a dictionary
            source = f"lambda: {function().open(lab)!r}"
        answer = remote(zygote, exercise, source)
        answer.child = child
        there, here = diagnose(exercise, answer), diagnose(exercise, function)
        child = answer.child
        assert (there.status, there.names, there.difference, there.overwritten) == (
            here.status, here.names, here.difference, here.overwritten), (exercise.name, source, there, here)
        assert (there.broken and there.broken.sentence) == (here.broken and here.broken.sentence)
        assert (there.trouble and there.trouble.kind) == (here.trouble and here.trouble.kind)
        assert answer.ended == []
    if child is not None:
        child.end()


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name)
def test_verdicts_from_a_child_are_those_given_here(zygote, exercise):
    same_verdicts(zygote, exercise, range(0, len(exercise.mistakes), 5))


@pytest.mark.slow
@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name)
def test_all_verdicts_from_a_child_are_those_given_here(zygote, exercise):
    same_verdicts(zygote, exercise, range(len(exercise.mistakes)))


# --- gradients ---


@pytest.mark.parametrize(("change", "name"), [
    (("return weights @ v, weights", "return weights @ v, weights.detach()"), "returned-weights-detached"),
    (("return weights @ v, weights", "return (weights @ v).detach(), weights.detach()"), "detached"),
])
def test_gradients_come_from_the_child(zygote, change, name):
    right = "import torch\n" + RIGHT["scaled_dot_product_attention"]
    for source, names, points in ((right, (), 4), (right.replace(*change), (name,), 0)):
        answer = RemoteAnswer(zygote, Answer(ATTENTION.name, source))
        assert diagnose(ATTENTION, answer).names == names
        assert sum(earned.points for earned in earn(ATTENTION, answer)) == points
        answer.close()


def test_gradients_have_the_right_numbers(zygote):
    import torch

    answer = RemoteAnswer(zygote, Answer("f", "def f(x, y): return (x * y).sum(-1), {'s': x.sin()}['s']"))
    exercise = dataclasses.replace(ATTENTION, name="f", signature="f(x, y)", credit=())
    x, y = torch.arange(3.0).requires_grad_(), torch.ones(3) * 2
    total, sines = answer.outcome((x, y), {}, exercise).native
    (total * 3 + sines.sum()).backward()
    assert torch.allclose(x.grad, 6 + torch.arange(3.0).cos())
    answer.close()


# --- classes: built, given weights, run forward ---


class Doubler:
    """What a student might write, here in NumPy: a class with a cache, stepped from outside."""

    def __init__(self, size):
        self.size, self.w, self.seen = size, np.zeros(size), []

    def load_state_dict(self, state):
        self.w = state["w"]

    def step(self, x):
        self.seen.append(x)
        return self.w * np.sum(self.seen, axis=0)


def run_steps(answer, size, w, xs):
    """Build it, give it weights, and step it."""
    thing = answer(size)
    thing.load_state_dict({"w": w})
    out = np.stack([thing.step(x) for x in xs])
    if thing.size != size:
        raise ValueError("the attribute size is another")
    return out


def first_step_is_scaled(call):
    if not np.allclose(call(2, np.array([2.0, 3.0]), np.ones((1, 2))), [[2.0, 3.0]]):
        return Broken("the first step should give the weights")


STEPPED = Exercise(
    name="doubler", title="A class", notebook="none", signature="Doubler(size)", reference=Doubler, arrays="numpy",
    returns=(Returns("output", "(T, S)"),),
    cases=lambda: [Case((3, np.arange(3.0), np.arange(6.0).reshape(2, 3)))], invoke=run_steps,
    probes=(Probe("first step", first_step_is_scaled),),
    mistakes=(Mistake("no-cache", cause="x", experiment="y", function=type(
        "NoCache", (Doubler,), {"step": lambda self, x: self.w * x})),),
    equivalents=(Equivalent("same", Doubler),), hints=("a", "b", "c"))
CLASS = """import numpy as np
class Doubler:
    def __init__(self, size):
        self.size, self.w, self.total = size, None, 0
    def load_state_dict(self, state):
        self.w = state["w"]
    def step(self, x):
        self.total = self.total + x
        return self.w * self.total"""


@pytest.mark.parametrize(("source", "status", "said"), [
    (CLASS, "passed", ()),
    (CLASS.replace("self.w * self.total", "self.w * x"), "wrong", ("no-cache",)),
    (CLASS.replace("        self.total = self.total + x\n", "        raise RuntimeError('line eight')\n"), "wrong",
     "RuntimeError: line eight"),
    (CLASS.replace("self.size, ", "self.other, "), "wrong", "'Doubler' object has no attribute 'size'"),
    (CLASS.replace("        self.w = state", "        import ctypes; ctypes.string_at(0)"), "wrong",
     "it ended the whole process with signal 11"),
    (CLASS.replace("return self.w * self.total", "return self"), "wrong", ""),
], ids=["right", "wrong", "raises", "attribute", "dies", "returns itself"])
def test_classes_are_built_and_called_in_the_child(zygote, source, status, said):
    answer = RemoteAnswer(zygote, Answer("Doubler", source))
    verdict = diagnose(STEPPED, answer)
    answer.close()
    assert verdict.status == status
    assert verdict.names == said if isinstance(said, tuple) else said in verdict.trouble.message
    assert diagnose(STEPPED, Doubler).passed


def test_what_cannot_be_sent_is_an_error_of_the_exercise_and_not_of_the_answer(zygote):
    exercise = dataclasses.replace(STEPPED, cases=lambda: [Case((print,))], invoke=None, probes=())
    answer = RemoteAnswer(zygote, Answer("Doubler", CLASS))
    with pytest.raises(RuntimeError, match="doubler cannot be graded in a child: a builtin_function"):
        answer.outcome((print,), {}, exercise)
    answer.close()


# --- what an assignment allows ---


@pytest.mark.parametrize(("allowed", "kind"), [(["course_utils.shapes"], None), ([], "Refused")])
def test_an_answer_may_use_what_its_assignment_allows(allowed, kind):
    source = ("from course_utils import start; start()\nfrom course_utils.shapes import check_shape\n"
              "import numpy as np\ndef f(x):\n    check_shape('x', x, 'T')\n    return x")
    with Zygote(allowed=allowed) as zygote:
        for more in ("", "\nfrom course_utils.attention import softmax", "\nimport course_utils.exercises"):
            answer = RemoteAnswer(zygote, Answer("f", source + more))
            outcome = answer.outcome((np.ones(2),), {}, types.SimpleNamespace(
                invoke=None, returns=(Returns("x", "(T,)"),), arrays="numpy", parameters=("x",), cases_in_use=()))
            answer.close()
            assert (outcome.trouble and outcome.trouble.kind) == kind
            assert answer.cell_error is None, "what is imported and not used is no error, here as in the notebook"


OLDER = "from course_utils.tasks import Vocabulary"
TODAY = "from course_utils.datasets.tasks import Vocabulary"
SHORT = "from course_utils.datasets import Vocabulary"


@pytest.mark.parametrize("allowed", ["course_utils.tasks", "course_utils.datasets.tasks", "course_utils.datasets"])
def test_an_assignment_and_its_answers_may_use_names_of_before_and_of_today(allowed):
    with Zygote(allowed=[allowed]) as zygote:
        for line in (OLDER, TODAY, *([SHORT] if allowed.endswith("datasets") else [])):
            for source in (f"{line}\ndef f(x):\n    return x + len(Vocabulary('ab'))",
                           f"def f(x):\n    {line}\n    return x + len(Vocabulary('ab'))"):
                answer = RemoteAnswer(zygote, Answer("f", source))
                outcome = answer.outcome((np.ones(2),), {}, types.SimpleNamespace(
                    invoke=None, returns=(Returns("x", "(T,)"),), arrays="numpy", parameters=("x",), cases_in_use=()))
                answer.close()
                assert outcome.trouble is None, (source, outcome.trouble)
                space = {}
                exec(source, space)
                assert first_not_allowed(space["f"], [allowed]) == ""
                assert first_not_allowed(space["f"], ["course_utils.shapes"]).startswith("course_utils.")


# What is named of an answer whose source the judge does not read, and what a library raises in the child.
IN_A_CHILD = {
    "the stub": ("scores", "def scores(q, k):\n    # here\n    raise NotImplementedError", "not attempted", ()),
    "an error of PyTorch": (
        "masked_attention", "import torch\n\ndef masked_attention(q, k, v, mask):\n    w = torch.softmax(mask, -1)\n"
        "    return w @ v, w", "wrong", ("numbers-with-a-point-wanted",)),
    "a module without forward": (
        "MultiHeadAttention", "import torch\n\nclass MultiHeadAttention(torch.nn.Module):\n"
        "    def __init__(self, d_model, n_heads, bias=True):\n        super().__init__()\n"
        "        for name in ('W_q', 'W_k', 'W_v', 'W_o'):\n"
        "            setattr(self, name, torch.nn.Linear(d_model, d_model, bias=bias))", "wrong", ("no-forward",)),
    "a caret": ("softmax_with_temperature", "import math\n\ndef softmax_with_temperature(x, temperature):\n"
                "    y = math.e^(x / temperature)\n    return y / y.sum()", "wrong", ("caret-for-power",)),
    "a loop over a table": (
        "scores", "import numpy as np\n\ndef scores(q, k):\n"
        "    return np.array([[q[i] @ k[j] for j in range(len(k))] for i in range(len(q))])", "wrong",
        ("axes-of-one-table",)),
    "columns": ("scores", "def scores(q, k):\n    return q.T @ k", "wrong", ("columns-for-rows",)),
}


@pytest.mark.parametrize("name", IN_A_CHILD)
def test_slips_are_named_where_the_source_is_not_read(zygote, name):
    exercise, cell, status, names = IN_A_CHILD[name]
    exercise = exercises.find(exercise)
    answer = RemoteAnswer(zygote, Answer(exercise.signature.split("(")[0], cell))
    verdict = diagnose(exercise, answer)
    answer.close()
    assert (verdict.status, verdict.names) == (status, names)


# --- all cases in one message ---

TOP_K = exercises.find("top_k_softmax")
GOOD = """import numpy as np

def top_k_softmax(x, k, temperature=1.0):
    k = min(k, x.shape[-1])
    x = np.where(x >= np.sort(x, axis=-1)[..., -k, None], x, -np.inf) / temperature
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
"""


@pytest.fixture(scope="module")
def strict():
    with Zygote(Limits(call=1, cpu=10, wall=10.0)) as zygote:
        yield zygote


@pytest.mark.parametrize(("change", "known"), [
    (None, True),
    (("    k = min", "    if k == 4:\n        raise ValueError('four')\n    k = min"), True),  # in one case alone
    (("    k = min", "    print(k)\n    k = min"), False),  # what was printed belongs to a case
    (("    k = min", "    x[..., 0] += 1\n    k = min"), True),
    (("    k = min", "    return (n for n in x)\n    k = min"), False),
    (("    k = min", "    import os\n    os._exit(0)\n    k = min"), False),
    (("    k = min", "    while True:\n        pass\n    k = min"), False),
    (("def top_k_softmax", "def another"), False),
])
def test_cases_sent_together_earn_what_they_earn_one_by_one(strict, change, known):
    source = GOOD.replace(*change) if change else GOOD
    assert change is None or source != GOOD
    told = []
    for together in (True, False):
        answer = RemoteAnswer(strict, Answer(TOP_K.name, source), deaths=3)
        if together:
            answer.run_ahead(TOP_K, 5)
            assert bool(answer.known) == known
        told.append([(earned.part.name, earned.earned) for earned in earn(TOP_K, answer, 5)])
        answer.close()
    assert told[0] == told[1]
    assert all(earned for _, earned in told[0]) == (change is None or "print" in change[1])


def test_cases_sent_together_are_all_that_is_compared_with_the_reference(strict):
    answer = RemoteAnswer(strict, Answer(TOP_K.name, GOOD))
    answer.run_ahead(TOP_K, 5)
    cases = [thing for thing in (*TOP_K.known_cases, *(thing for thing, _, _ in drawn_for(TOP_K, 5)))
             if isinstance(thing, Case)]
    assert set(answer.known) == set(map(id, cases))
    assert not any(outcome.trouble or outcome.overwritten for outcome in answer.known.values())
    answer.close()

"""Exercise of notebook 06: cross-attention that keeps what does not depend on the question."""

import copy
import functools

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.battery.shapes import SHAPES
from course_utils.exercises.families.shared import rounded
from course_utils.exercises.sources.cross_attention import CROSS_ATTENTION


def make_reader(context, W_q, W_k, W_v):
    """Give a function that lets x (..., T, d_model) look at context (..., S, d_context), which is projected once."""
    k, v = W_k(context), W_v(context)

    def read(x):
        return scaled_dot_product_attention(W_q(x), k, v)

    return read


def _once(look, **changes):
    """Make a reader of an answer to `cross_attention`: what it is given is kept as it was."""
    def made(context, *layers):
        context, layers = context.clone(), copy.deepcopy(layers)
        return lambda x: look(x, context, *layers, **changes)

    return made


def reader_by_stages(context, W_q, W_k, W_v, **changes):
    """The same in stages that can be replaced one by one."""
    return _once(CROSS_ATTENTION.stages, **changes)(context, W_q, W_k, W_v)


def _ask(answer, context, W_q, W_k, W_v, x, forget=False):
    """Make a reader and ask it twice, first something else; the second result counts.

    With `forget`, what was read and its two layers hold zeros by then.
    """
    import torch

    layers = copy.deepcopy((W_q, W_k, W_v))
    context, before = context.clone() if forget else context, x.detach().clone()
    read = answer(context, *layers)
    if read is None:
        return None
    if not callable(read):
        raise ValueError(f"make_reader should give a function back, got {type(read).__name__}")
    other = read(x.detach().flip(-2)[..., :1, :] * 0.5)
    if other is not None and forget:
        with torch.no_grad():
            for numbers in (context, *layers[1].parameters(), *layers[2].parameters()):
                numbers.zero_()
    result = read(x)
    if not torch.equal(x.detach(), before):
        raise ValueError("read should leave x as it is, got other numbers in it afterwards")
    return result


def _turned(args):
    """Arguments of `cross_attention` in the order of this exercise: the question comes last."""
    x, context, *layers = args
    return (context, *layers, x)


def _probe(probe):
    return Probe(probe.name, lambda call: probe.run(lambda x, *given: call(*given, x)))


def _keeps_what_was_read(call):
    args = _turned(CROSS_ATTENTION.battery.sizes(SHAPES["one item"]))
    kept, wanted = call(*args, forget=True), make_reader(*args[:-1])(args[-1])
    for name, a, b in zip(("weights", "output"), (kept[1], kept[0]), (wanted[1], wanted[0])):
        if not (a - b).abs().max() < 1e-4:
            return Broken("what was read should be looked at once, before anybody asks",
                          f"context, W_k and W_v were overwritten after make_reader: row 0 of the {name} should stay "
                          f"{rounded(b[0, 0].detach())}, got {rounded(a[0, 0].detach())}",
                          "Which lines would give the same for every x? They stand in front of `def read`.")


# --- right answers in other words ---


def _by_partial(context, W_q, W_k, W_v):
    def look(k, v, x):
        return scaled_dot_product_attention(W_q(x), k, v)

    return functools.partial(look, W_k(context), W_v(context))


class _Reader:
    def __init__(self, context, W_q, W_k, W_v):
        self.W_q, self.k, self.v = W_q, W_k(context), W_v(context)

    def __call__(self, x):
        scores = self.W_q(x) @ self.k.mT / self.k.shape[-1] ** 0.5
        weights = scores.softmax(-1)
        return weights @ self.v, weights


# --- wrong answers ---


def _projected_again(context, W_q, W_k, W_v):
    return lambda x: scaled_dot_product_attention(W_q(x), W_k(context), W_v(context))


def _values_projected_again(context, W_q, W_k, W_v):
    k = W_k(context)
    return lambda x: scaled_dot_product_attention(W_q(x), k, W_v(context))


def _first_answer_kept(context, W_q, W_k, W_v):
    found = []

    def read(x):
        if not found:
            found.append(scaled_dot_product_attention(W_q(x), W_k(context), W_v(context)))
        return found[0]

    return read


_AGAIN = "Print a line before each call of a layer, and ask your reader twice: which lines appear twice?"

_MISTAKES = (
    Mistake("projected-again", "Keys, or keys and values, are projected anew at each question, inside `read`.", _AGAIN,
            _projected_again),
    Mistake("values-projected-again", "The keys are kept, the values are projected anew at each question.", _AGAIN,
            _values_projected_again),
    Mistake("first-answer-kept", "The answer to the first question is kept, and given to every other.",
            "Ask your reader two questions of different lengths.", _first_answer_kept),
    Mistake("keys-and-values-returned", "make_reader gives keys and values back; it should give a function.",
            "Print `type(make_reader(context, W_q, W_k, W_v))`.",
            lambda context, W_q, W_k, W_v: (W_k(context), W_v(context))),
    Mistake("read-returns-nothing", "`read`, or make_reader, computes and gives nothing back.",
            "Count the lines with `return`: each of the two functions needs one.",
            lambda context, W_q, W_k, W_v: lambda x: None),
    Mistake("asked-by-the-context", "The queries are made of context before anybody asks; x is never used.",
            "Change x: does your output change?",
            lambda context, W_q, W_k, W_v: _asked_already(context, W_q, W_k, W_v)),
    *(Mistake(m.name, m.cause, m.experiment, _once(CROSS_ATTENTION.wrong_answer(m)))
      for m in CROSS_ATTENTION.mistakes if m.name != "queries-from-the-context"),
)


def _asked_already(context, W_q, W_k, W_v):
    found = scaled_dot_product_attention(W_q(context), W_k(context), W_v(context))
    return lambda x: found


BATTERY = Battery(
    sizes=lambda s: _turned(CROSS_ATTENTION.battery.sizes(s)),
    scores=lambda table, values: _turned(CROSS_ATTENTION.battery.scores(table, values)),
    arguments=("context", "W_q", "W_k", "W_v", "x"),
    reference=lambda *given: make_reader(*given[:-1])(given[-1]),
    probes_of={"one object, other inputs": Probe("what was read is looked at once", _keeps_what_was_read)},
    without=reasons.PLAIN,
)

MAKE_READER = Exercise(
    name="make_reader",
    title="Look back without reading again",
    notebook="06_self_and_cross_attention",
    signature="make_reader(context, W_q, W_k, W_v)",
    reference=make_reader,
    arrays="torch",
    returns=CROSS_ATTENTION.returns,
    cases=lambda: [Case(_turned(case.args), note=case.note) for case in CROSS_ATTENTION.cases()],
    probes=tuple(map(_probe, CROSS_ATTENTION.probes)),
    battery=BATTERY,
    stages=reader_by_stages,
    invoke=_ask,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("partial", _by_partial),
        Equivalent("an-object", _Reader),
        *(Equivalent(each.name, _once(each.function)) for each in CROSS_ATTENTION.equivalents),
    ),
    hints=(
        "Who asks has the queries, who is asked has keys and values. Which of the two layers that read can be called "
        "before anybody asks?",
        "In front of `def read(x)`: `k, v = W_k(context), W_v(context)`. The function `read` finds these names when it "
        "is called.",
        "`k, v = W_k(context), W_v(context)`; in `read`: `return attend(W_q(x), k, v)`; last: `return read`.",
    ),
    minutes=8,
    points=2,
)

EXERCISES = (MAKE_READER,)

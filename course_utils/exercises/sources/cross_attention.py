"""Exercise of notebook 06: queries from one sequence, keys and values from another."""

import copy
import math

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Broken, Case, Equivalent, Exercise, Probe, Returns
from course_utils.exercises.battery import Battery, one_hot, reasons
from course_utils.exercises.families.loops import attend_in_loops
from course_utils.exercises.families.projected import (
    ATTENTION_MISTAKES,
    LONE_MISTAKES,
    careless,
    lone,
    mistake,
    projected_attention,
    through_attend,
)
from course_utils.exercises.families.shared import draw, rounded, tensor


def cross_attention(x, context, W_q, W_k, W_v):
    """Let x (..., T, d_model) look at context (..., S, d_context), through three layers of type nn.Linear."""
    return scaled_dot_product_attention(W_q(x), W_k(context), W_v(context))


def _through(x, layer):
    return layer(x)


def cross_attention_by_stages(x, context, W_q, W_k, W_v, *, project=_through, **changes):
    """Cross-attention in stages that can be replaced one by one."""
    return projected_attention(x, context, W_q, W_k, W_v, project=project, **changes)


def layer(matrix, bias):
    """Make a layer of type nn.Linear that computes x @ matrix + bias."""
    from torch import nn

    made = nn.Linear(*matrix.shape, bias=bias is not None, dtype=matrix.dtype)
    made.weight.data = matrix.T.contiguous()
    if bias is not None:
        made.bias.data = bias.clone()
    return made


def _inputs(x, context, d_k, d_v, seed, dtype="float32", bias=True):
    """Two sequences and three layers that keep the scores near 1."""
    d, c = x[-1], context[-1]
    drawn = draw(x, context, (d, d_k), (c, d_k), (c, d_v), (d_k,), (d_k,), (d_v,), seed=seed, dtype=dtype)
    matrices, biases = drawn[2:5], drawn[5:]
    layers = (layer(W * 1.5 / math.sqrt(len(W)), b / 2 if bias else None) for W, b in zip(matrices, biases))
    return (*drawn[:2], *layers)


def _cases():
    first = (layer(tensor([[2.0], [0.0]]), tensor([1.0])), layer(tensor([[1.0], [-1.0]]), tensor([0.5])),
             layer(tensor([[10.0, 0.0, 0.0], [0.0, 20.0, 0.0]]), tensor([0.0, 0.0, 1.0])))
    return (
        Case((tensor([[1.0, 5.0]]), tensor([[1.0, 0.0], [0.0, 1.0]]), *first), note="one token looks at two"),
        Case(_inputs((2, 4, 6), (2, 4, 6), 6, 6, seed=93), note="4 tokens look at 4, all widths 6"),
        Case(_inputs((2, 5, 4), (2, 3, 4), 4, 4, seed=95), note="all widths 4"),
        Case(_inputs((2, 3, 4), (2, 5, 3), 2, 6, seed=97, bias=False), note="layers without a bias"),
    )


def _on_fresh_layers(answer, x, context, *layers):
    # An answer that writes into a layer must not change the next case.
    return answer(x, context, *(copy.deepcopy(each) for each in layers))


# --- properties ---


def _rows_sum_to_one(call):
    _, weights = call(*_inputs((2, 3, 4), (2, 5, 6), 7, 2, seed=41))
    if tuple(weights.shape) != (2, 3, 5):
        return Broken("weights should have a row for each token of x and a column for each token of context",
                      f"x (2, 3, 4), context (2, 5, 6): wanted the shape (2, 3, 5), got {tuple(weights.shape)}")
    if not (weights.sum(-1) - 1).abs().max() < 1e-4:
        return Broken("the weights of each token of x should sum to 1 over the context",
                      f"item 0: the rows sum to {rounded(weights.sum(-1)[0].detach())}")


def _scores_follow_the_layers(call):
    x, context, *layers = _inputs((2, 3), (4, 3), 3, 2, seed=42)
    weights = call(x, context, *layers)[1].detach()
    q, k = layers[0](x).detach(), layers[1](context).detach()
    for i, j in ((0, 1), (1, 3)):
        wanted = float(q[i] @ (k[j] - k[0])) / math.sqrt(3)
        found = float((weights[i, j] / weights[i, 0]).log())
        if not abs(found - wanted) < 1e-3:
            return Broken("two weights of a row should have log(w1/w2) = (their scores' difference), where the score "
                          "is W_q(x)[i] . W_k(context)[j] / sqrt(d_k)",
                          f"row {i}, keys {j} and 0: wanted {wanted:.3f}, got {found:.3f}")


def _output_averages_the_values(call):
    x, context, *layers = _inputs((2, 3, 4), (2, 5, 4), 3, 4, seed=43)
    output, weights = call(x, context, *layers)
    wanted = weights @ layers[2](context)
    if output.shape != wanted.shape or not (output - wanted).abs().max() < 1e-4:
        return Broken("the output should be the average of the rows of W_v(context) under the weights that you return",
                      f"item 0, token 0: wanted {rounded(wanted[0, 0].detach())}, got {rounded(output[0, 0].detach())}"
                      if output.shape == wanted.shape else
                      f"wanted the shape {tuple(wanted.shape)}, got {tuple(output.shape)}")


def _tokens_of_x_stand_alone(call):
    x, context, *layers = _inputs((3, 4), (5, 4), 2, 3, seed=44)
    together, alone = call(x, context, *layers)[0][2], call(x[2:], context, *layers)[0][0]
    if not (together - alone).abs().max() < 1e-4:
        return Broken("a token of x should get the same output alone as beside other tokens of x",
                      f"token 2: {rounded(together.detach())} beside the others, {rounded(alone.detach())} alone")


def _order_of_the_context_is_free(call):
    x, context, *layers = _inputs((2, 4), (4, 4), 2, 3, seed=45)
    before, after = call(x, context, *layers)[0], call(x, context[[2, 0, 3, 1]], *layers)[0]
    if not (before - after).abs().max() < 1e-4:
        return Broken("a context in another order should give the same output",
                      f"token 0: {rounded(before[0].detach())} becomes {rounded(after[0].detach())}")


# --- right answers in other words ---


def _by_hand(x, context, W_q, W_k, W_v):
    q, k, v = (a @ W.weight.T + (0 if W.bias is None else W.bias)
               for a, W in ((x, W_q), (context, W_k), (context, W_v)))
    weights = (q @ k.mT / W_q.out_features ** 0.5).softmax(-1)
    return weights @ v, weights


def _by_linear(x, context, W_q, W_k, W_v):
    from torch.nn import functional as F

    q, k, v = (F.linear(a, W.weight, W.bias) for a, W in ((x, W_q), (context, W_k), (context, W_v)))
    return scaled_dot_product_attention(q, k, v)


def _by_einsum(x, context, W_q, W_k, W_v):
    import torch

    k = W_k(context)
    weights = torch.softmax(torch.einsum("...td,...sd->...ts", W_q(x), k) / math.sqrt(k.size(-1)), dim=-1)
    return torch.einsum("...ts,...sv->...tv", weights, W_v(context)), weights


def _projected_after_averaging(x, context, W_q, W_k, W_v):
    weights = scaled_dot_product_attention(W_q(x), W_k(context), context)[1]
    return W_v(weights @ context), weights  # right, because the weights of a row sum to 1


# --- wrong answers ---


def _last_token_only(x, context, W_q, W_k, W_v):
    return cross_attention(x[..., -1:, :], context, W_q, W_k, W_v)


def _first_item_only(x, context, W_q, W_k, W_v):
    while x.ndim > 2:
        x, context = x[0], context[0]
    return cross_attention(x, context, W_q, W_k, W_v)


def _both_sequences(x, context, W_q, W_k, W_v):
    import torch

    return cross_attention(x, torch.cat([x, context], dim=-2), W_q, W_k, W_v)


def _x_added(x, context, W_q, W_k, W_v):
    output, weights = cross_attention(x, context, W_q, W_k, W_v)
    return x + output, weights


def _weight_matrices(x, context, W_q, W_k, W_v):
    return scaled_dot_product_attention(x @ W_q, context @ W_k, context @ W_v)


_LOOK = "Change one token of context: "

_MISTAKES = (
    mistake("roles-exchanged", "The queries come from context, and keys and values from x.",
            "Print the shape of your output: it should have a row for each token of x.",
            queries=lambda p, x, c, W_q, W_k, W_v: p(c, W_q), keys=lambda p, x, c, W_q, W_k, W_v: p(x, W_k),
            values=lambda p, x, c, W_q, W_k, W_v: p(x, W_v)),
    mistake("queries-from-the-context", "The queries come from context, so x is never used.",
            "Change x: does your output change?", queries=lambda p, x, c, W_q, W_k, W_v: p(c, W_q)),
    mistake("context-not-used", "Keys and values come from x: this is self-attention.",
            _LOOK + "does your output change?", keys=lambda p, x, c, W_q, W_k, W_v: p(x, W_k),
            values=lambda p, x, c, W_q, W_k, W_v: p(x, W_v)),
    mistake("keys-from-x", "The keys come from x.", _LOOK + "do your weights change?",
            keys=lambda p, x, c, W_q, W_k, W_v: p(x, W_k)),
    mistake("values-from-x", "The values come from x.", "Change x so that the weights stay: does your output change?",
            values=lambda p, x, c, W_q, W_k, W_v: p(x, W_v)),
    mistake("both-sequences", "Keys and values come from x and context put together.",
            "Print the shape of your weights: they should have S columns.", _both_sequences),
    mistake("weight-not-transposed", "`x @ W.weight` forgets that nn.Linear stores the transpose, and the bias.",
            "Print `W_q.weight.shape`, and compare with what `W_q(x)` gives.", project=lambda x, W: x @ W.weight),
    mistake("bias-forgotten", "`x @ W.weight.T` leaves out the bias of the layer.",
            "Compare your projection of x with `W_q(x)`.", project=lambda x, W: x @ W.weight.T),
    mistake("bias-twice", "The bias is added once more to what the layer gives, which contains it already.",
            "Compare your projection of x with `W_q(x)`.",
            project=lambda x, W: W(x) if W.bias is None else W(x) + W.bias),
    mistake("bias-taken-for-granted", "`W.bias` is None in a layer without a bias; calling the layer takes care of it.",
            "Print `torch.nn.Linear(2, 3, bias=False).bias`.", project=lambda x, W: x @ W.weight.T + W.bias),
    mistake("values-projected-twice", "The values go through W_v twice, for instance before and after the averaging.",
            "Count how often W_v stands on the way to your output.",
            values=lambda p, x, c, W_q, W_k, W_v: p(p(c, W_v), W_v)),
    mistake("keys-before-queries", "The keys stand where the queries should: attention takes queries, keys, values.",
            "Write beside each argument of `attend` what it should be.",
            lambda x, context, W_q, W_k, W_v: scaled_dot_product_attention(W_k(context), W_q(x), W_v(context))),
    mistake("projections-returned", "The queries and the keys come back; nothing is scored or averaged.",
            "Count the calls of `attend` in your code.", lambda x, context, W_q, W_k, W_v: (W_q(x), W_k(context))),
    mistake("layers-as-matrices", "The layers are multiplied like matrices, but a layer is called: `W_q(x)`.",
            "Print `type(W_q)`.", _weight_matrices),
    mistake("nothing-projected", "x and context are used as they are; the layers are never called.",
            "Set W_q to other numbers: do your weights change?", project=lambda x, W: x),
    mistake("queries-not-projected", "The queries are x itself, not W_q(x).",
            "Set W_q to other numbers: do your weights change?", queries=lambda p, x, c, W_q, W_k, W_v: x),
    mistake("keys-not-projected", "The keys are context itself, not W_k(context).",
            "Set W_k to other numbers: do your weights change?", keys=lambda p, x, c, W_q, W_k, W_v: c),
    mistake("values-not-projected", "The weights average context itself, not W_v(context).",
            "Set W_v to other numbers: does your output change?", values=lambda p, x, c, W_q, W_k, W_v: c),
    mistake("keys-by-w-q", "The keys are made with W_q in place of W_k.",
            "Set W_k to other numbers: do your weights change?", keys=lambda p, x, c, W_q, W_k, W_v: p(c, W_q)),
    mistake("queries-by-w-k", "The queries are made with W_k in place of W_q.",
            "Set W_q to other numbers: do your weights change?", queries=lambda p, x, c, W_q, W_k, W_v: p(x, W_k)),
    mistake("values-by-w-k", "The values are the keys: W_v is never used.",
            "Set W_v to other numbers: does your output change?", values=lambda p, x, c, W_q, W_k, W_v: p(c, W_k)),
    mistake("layers-exchanged", "W_k makes the queries and W_q makes the keys.",
            "Write beside each layer which sequence it should get.",
            queries=lambda p, x, c, W_q, W_k, W_v: p(x, W_k), keys=lambda p, x, c, W_q, W_k, W_v: p(c, W_q)),
    mistake("keys-projected-twice", "The keys go through W_k twice.", "Count how often W_k stands in your code.",
            keys=lambda p, x, c, W_q, W_k, W_v: p(p(c, W_k), W_k)),
    mistake("values-from-the-keys", "The values are made from the keys, not from context: W_v(W_k(context)).",
            "Print what you give to W_v: it should be context.",
            values=lambda p, x, c, W_q, W_k, W_v: p(p(c, W_k), W_v)),
    mistake("x-added", "x is added to the output; here the output is the average of the values alone.",
            "Compare your output with `weights @ W_v(context)`.", _x_added),
    mistake("last-token-only", "Only the last token of x gets a query.",
            "Print the shape of your output beside (T, d_v).", _last_token_only),
    mistake("first-item-only", "Only the first item of the batch is computed.",
            "Print the shape of the output for a batch of 2.", _first_item_only),
    mistake("weights-on-their-side", "The weights that come back are transposed: rows should be tokens of x.",
            "Print the shape of your weights beside (T, S).",
            give=lambda output, weights, scores: (output, weights.transpose(-2, -1))),
    *ATTENTION_MISTAKES,
    *lone(LONE_MISTAKES, cross_attention_by_stages),
    *careless(cross_attention_by_stages),
)

def _of_scores(table, values):
    x, *matrices = one_hot(table, values)
    return (x, x, *(layer(W, None) for W in matrices))


BATTERY = Battery(
    sizes=lambda s: _inputs((*s.lead, s.T, s.d_model), (*s.lead, s.S, s.H), s.d_k, s.d_v, s.seed, s.dtype),
    scores=_of_scores,
    arguments=("x", "context", "W_q", "W_k", "W_v"),
    reference=cross_attention,
    without={**reasons.PLAIN},
)

CROSS_ATTENTION = Exercise(
    name="cross_attention",
    title="Let one sequence look at another",
    notebook="06_self_and_cross_attention",
    signature="cross_attention(x, context, W_q, W_k, W_v)",
    reference=cross_attention,
    arrays="torch",
    returns=(Returns("output", "(..., T, d_v)"), Returns("weights", "(..., T, S)")),
    cases=_cases,
    probes=(
        Probe("each token of x shares out weights that sum to 1 over the context", _rows_sum_to_one),
        Probe("a score is a row of W_q(x) times a row of W_k(context)", _scores_follow_the_layers),
        Probe("the output averages the rows of W_v(context)", _output_averages_the_values),
        Probe("each token of x stands alone", _tokens_of_x_stand_alone),
        Probe("the order of the context does not matter", _order_of_the_context_is_free),
    ),
    battery=BATTERY,
    stages=cross_attention_by_stages,
    invoke=_on_fresh_layers,
    mistakes=(*_MISTAKES, *through_attend(_MISTAKES, cross_attention_by_stages, "keys-from-x", "values-from-x",
                                          "queries-not-projected", "keys-not-projected", "nothing-projected")),
    equivalents=(
        Equivalent("layers-by-hand", _by_hand),
        Equivalent("f-linear", _by_linear),
        Equivalent("loops", lambda x, context, W_q, W_k, W_v: (
            attend_in_loops(W_q(x), W_k(context), W_v(context)))),
        Equivalent("einsum", _by_einsum),
        Equivalent("projected-after-averaging", _projected_after_averaging),
    ),
    hints=(
        "Who asks, and who is asked? The one who asks has the queries; the one who is asked has keys and values.",
        "A layer is called like a function: `W_q(x)`. Which of the two sequences goes into W_k, and which into W_v?",
        "`return attend(W_q(x), W_k(context), W_v(context))`.",
    ),
    minutes=8,
    points=2,
    core=False,
    within="make_reader",
)

EXERCISES = (CROSS_ATTENTION,)

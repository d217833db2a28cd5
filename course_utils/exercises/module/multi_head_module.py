"""Exercise of notebook 08: masked multi-head attention as a module."""

import inspect
import math
from functools import cache

from course_utils.checks import Broken, Case, Exercise, Probe, Returns, Stopped
from course_utils.exercises.battery import Battery, one_hot, reasons
from course_utils.exercises.families.module import MISTAKES
from course_utils.exercises.families.module_equivalents import EQUIVALENTS
from course_utils.exercises.families.module_stages import module_by_stages
from course_utils.exercises.families.shared import draw, rounded, tensor

_NAMES = ("W_q", "W_k", "W_v", "W_o")


def _reference(d_model, n_heads, bias=True):
    from course_utils.multihead import MultiHeadAttention

    return MultiHeadAttention(d_model, n_heads, bias)


@cache
def _numbers(d_model):
    """Four weights and four biases, the same in every call."""
    *weights, q, k, v, o = draw(*[(d_model, d_model)] * 4, *[(d_model,)] * 4, seed=88)
    return (*(weight / math.sqrt(d_model) for weight in weights), q, k, v, o)


def _hold_names(module):
    """Say plainly where context and mask cannot be given by name."""
    try:
        taken = inspect.signature(module.forward).parameters
    except Exception:
        return
    open_to_more = any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in taken.values())
    if not {"context", "mask"} <= set(taken) and not open_to_more:
        raise ValueError(f"forward should take x, context and mask, by these names, got ({', '.join(taken)})")


def _hold_parameters(module, bias):
    """Say plainly what a module lacks: the four projections among its parameters."""
    try:
        learned = module.state_dict()  # the grader's stand-in for a module in another process has one too
    except Exception:
        raise ValueError("MultiHeadAttention should be an nn.Module, "
                         f"got an object of type {type(module).__name__}") from None
    for name, kind in ((name, kind) for kind in ("weight", "bias")[:1 + bias] for name in _NAMES):
        if f"{name}.{kind}" not in learned and hasattr(module, name):
            given = " with bias=True" * (kind == "bias")
            raise ValueError(f"{name}.{kind} should be among the module's parameters{given}, and is not")


def _hold_their_own(module, bias, numbers):
    """Say plainly where one projection is another once more: the numbers it was given are gone then."""
    for kind, given in zip(("weight", "bias")[:1 + bias], (numbers[:4], numbers[4:])):
        for name, wanted in zip(_NAMES, given):
            if not (getattr(getattr(module, name), kind).detach() == wanted).all():
                raise ValueError(f"{name}.{kind} should have numbers of its own, but it is that of another once more")


def _invoke(answer, d_model, n_heads, bias=True, *, x, context=None, mask=None, set_to=None, before=()):
    """Build the learner's module, give it known weights, and call it: by name, and in order on what comes before."""
    import torch

    with torch.random.fork_rng(devices=[]):
        # For parameters that should not be there. `torch.manual_seed` costs more than all the rest of a call.
        torch.default_generator.manual_seed(8)
        module = answer(d_model, n_heads, bias=bias)
    numbers = _numbers(d_model)
    if x is None:
        return None  # it was only to be built
    _hold_names(module)
    _hold_parameters(module, bias)
    with torch.no_grad():
        for name, weight, offset in zip(_NAMES, numbers[:4], numbers[4:]):
            linear = getattr(module, name)
            linear.weight.copy_(weight)
            if bias:
                linear.bias.copy_(offset)
        _hold_their_own(module, bias, numbers)
        for name, value in (set_to or {}).items():
            linear, kind = name.split(".")
            getattr(getattr(module, linear), kind).copy_(value)
    for earlier in before:
        module(*earlier)
    return module(x, **{name: given for name, given in (("context", context), ("mask", mask)) if given is not None})


def _after_padding():
    """A causal mask in which the second sequence begins with two places of padding: its queries 0 and 1 see nothing."""
    past = tensor([[True] * 5] * 5).tril()
    return past & tensor([[True] * 5, [False] * 2 + [True] * 3])[:, None, None]


def _mask(*shape, seed):
    """Holes in every row, and at least one key for each query."""
    (noise,) = draw(shape, seed=seed)
    mask = noise > 0.2
    mask[..., 1] = True
    return mask


def _cases():
    x, long, wide = draw((2, 5, 12), (2, 7, 12), (3, 4, 6), seed=80)
    causal = _mask(5, 5, seed=1).new_ones(5, 5).tril()
    return (
        Case((4, 2), {"x": draw((1, 2, 4), seed=81)[0]}, note="one sequence of 2 positions, 2 heads"),
        Case((12, 3), {"x": x}, note="self-attention, 3 heads"),
        Case((12, 3), {"x": x, "context": long}, note="cross-attention, S = 7"),
        Case((12, 3), {"x": x, "mask": causal}, note="a causal mask"),
        Case((12, 3), {"x": x, "mask": _mask(2, 1, 1, 5, seed=86)}, note="padding in self-attention"),
        Case((12, 3), {"x": 200 * x, "mask": causal}, note="a causal mask, scores of tens of thousands"),
        Case((6, 1, False), {"x": wide}, note="one head, no biases"),
        Case((6, 6, False), {"x": wide, "mask": _mask(4, 4, seed=85)}, note="as many heads as features"),
    )


def _of_sizes(s):
    B, d_model = s.items, s.H * s.d_k
    x, context = draw((B, s.T, d_model), (B, s.S, d_model), seed=s.seed)
    return Case((d_model, s.H), {"x": x, "context": context})


def _of_scores(table, values, mask):
    import torch

    x, *matrices = one_hot(table, values, d_model=4)
    weights = dict(zip((f"{name}.weight" for name in _NAMES), (*(W.T for W in matrices), torch.eye(4))))
    return Case((4, 1, False), {"x": x[None], "mask": tensor(mask), "set_to": weights})


def _under_masks():
    x, long, other, short, one, more = draw((2, 5, 12), (2, 7, 12), (2, 5, 12), (2, 3, 12), (2, 1, 12), (3, 5, 12),
                                            seed=80)
    causal = _mask(5, 5, seed=1).new_ones(5, 5).tril()
    padding = tensor([[[[True] * 5]], [[[True] * 3 + [False] * 2]], [[[True] * 2 + [False] * 3]]])
    earlier = ((other, None, causal), (other, long, None), (one, short, None))
    return [(regime, Case((12, 3), given, note=note)) for regime, given, note in (
        ("a single key", {"x": other, "mask": causal}, "a causal mask over other numbers"),
        ("holes", {"x": x, "context": long, "mask": _mask(2, 1, 1, 7, seed=83)}, "padding in the context"),
        ("one query, masked", {"x": one, "context": long, "mask": _mask(2, 1, 1, 7, seed=83)}, "one query, masked"),
        ("item 0 unpadded", {"x": more, "mask": padding}, "the first sequence needs no mask"),
        ("a mask for each head", {"x": x, "mask": _mask(2, 3, 5, 5, seed=84)}, "another mask for every head"),
        ("left padding", {"x": x, "mask": _after_padding()}, "text after padding: two queries may attend to nothing"),
        ("no key", {"x": x, "mask": causal & causal.T & (causal.sum(-1) > 2)}, "queries 0 and 1 may attend to nothing"),
        ("a mask for each head", {"x": x, "mask": _mask(3, 5, 5, seed=87)}, "a mask of three axes, (H, T, S)"),
        ("holes", {"x": x, "context": short, "mask": _mask(5, 3, seed=89)}, "a shorter context, S = 3"),
        ("arguments by name", {"x": x, "context": long, "mask": _mask(5, 7, seed=82)}, "context and mask by name"),
        ("one object, other inputs", {"x": x, "context": long, "mask": _mask(5, 7, seed=82), "before": earlier},
         "one module called four times, with other masks, contexts and lengths"))]


# --- properties ---


def _twice_the_same(call):
    (x,) = draw((2, 5, 12), seed=78)
    moved = float((call(12, 3, x=x)[0] - call(12, 3, x=x)[0]).detach().abs().max())
    if moved > 1e-5:
        return Broken("two calls with the same numbers should give the same output",
                      f"they differ by {moved:.3f}",
                      "look for dropout, or for something that is drawn at random in `forward`")


def _rows_sum_to_one(call):
    x, context = draw((2, 5, 12), (2, 7, 12), seed=90)
    weights = call(12, 3, x=x, context=context, mask=_mask(2, 1, 5, 7, seed=91))[1]
    if tuple(weights.shape) != (2, 3, 5, 7):
        return Broken("the weights should have the shape (B, H, T, S)",
                      f"B = 2, H = 3, T = 5, S = 7: got {tuple(weights.shape)}")
    if not (weights.sum(-1) - 1).abs().max() < 1e-4:
        return Broken("in each head, the weights of a query should sum to 1 over the keys",
                      f"item 0, head 0: the rows sum to {rounded(weights[0, 0].sum(-1).detach())}")


def _hidden_keys_do_nothing(call):
    x, context = draw((2, 5, 12), (2, 7, 12), seed=92)
    mask = _mask(1, 1, 1, 7, seed=93).new_ones(2, 1, 1, 7)
    mask[..., 4:] = False
    changed = context.clone()
    changed[:, 4:] += 2
    before, after = (call(12, 3, x=x, context=c, mask=mask)[0] for c in (context, changed))
    if not (before - after).abs().max() < 1e-3:
        return Broken("what a hidden position holds should change nothing",
                      f"with 2 added to the hidden positions the output moves by {(before - after).abs().max():.3f}")


def _each_head_fills_its_own_slice(call):
    import torch

    (x,) = draw((2, 5, 12), seed=94)
    same = {"W_o.weight": torch.eye(12), "W_o.bias": torch.zeros(12)}
    silent = torch.linspace(-1, 1, 144).reshape(12, 12).clone()
    before = call(12, 3, x=x, set_to={**same, "W_v.weight": silent})[0]
    louder = silent.clone()
    louder[4:8] += 1
    after = call(12, 3, x=x, set_to={**same, "W_v.weight": louder})[0]
    moved = ((before - after).abs().amax((0, 1)) > 1e-4).nonzero().flatten().tolist()
    if moved != [4, 5, 6, 7]:
        return Broken("with W_o the identity, rows 4 to 7 of W_v should move features 4 to 7 of the output alone",
                      f"the features that moved: {moved}")


def _order_of_the_context_is_invisible(call):
    x, context = draw((2, 5, 12), (2, 7, 12), seed=95)
    order = [3, 0, 6, 1, 5, 2, 4]
    before, after = (call(12, 3, x=x, context=c)[0] for c in (context, context[:, order]))
    if not (before - after).abs().max() < 1e-3:
        return Broken("without a mask, the order of the context should not matter",
                      f"putting its positions in another order moves the output by {(before - after).abs().max():.3f}")


def _the_output_bias_comes_last(call):
    import torch

    (x,) = draw((2, 5, 12), seed=96)
    output = call(12, 3, x=x, set_to={"W_o.weight": torch.zeros(12, 12), "W_o.bias": torch.full((12,), 7.0)})[0]
    if not (output - 7).abs().max() < 1e-4:
        return Broken("with W_o.weight 0 and W_o.bias 7, every output should be 7",
                      f"item 0, position 0 begins with {rounded(output[0, 0, :3].detach())}")


def _values_come_through_w_v(call):
    import torch

    (x,) = draw((2, 5, 12), seed=89)
    plain = {"W_v.weight": torch.zeros(12, 12), "W_v.bias": torch.arange(12.0),
             "W_o.weight": torch.eye(12), "W_o.bias": torch.zeros(12)}
    output = call(12, 3, x=x, set_to=plain)[0]
    if not (output - torch.arange(12.0)).abs().max() < 1e-3:
        return Broken("with W_v.weight 0, W_v.bias 0 to 11 and W_o the identity, every output should be 0 to 11",
                      f"item 0, position 0: {rounded(output[0, 0].detach())}")


def _queries_come_through_w_q(call):
    import torch

    (x,) = draw((2, 5, 12), seed=79)
    # All queries are alike and look for the first feature of a key, which is that of the position.
    one = torch.eye(12)
    looking = {"W_q.weight": torch.zeros(12, 12), "W_q.bias": one[0] * 8, "W_k.weight": one, "W_k.bias": one[0] * 0}
    weights = call(12, 3, x=x, set_to=looking)[1][0, 0]
    wanted = int(x[0, :, 0].argmax())
    if not (weights - weights[:1]).abs().max() < 1e-3 or int(weights[0].argmax()) != wanted:
        return Broken("with W_q.weight 0 and W_q.bias (8, 0, ...), every query should look for W_k's first feature",
                      f"item 0, head 0: wanted most weight on position {wanted} in every row, "
                      f"got {weights.argmax(-1).tolist()}")


def _scale_is_that_of_a_head(call):
    import torch

    x = torch.zeros(1, 2, 16)
    x[0, 0, 0] = 4.0
    one = torch.zeros(16, 16)
    one[:, 0] = 1.0  # every feature of q and k is 4 at position 0 and 0 at position 1
    zero = torch.zeros(16)
    still = {f"{name}.{kind}": value for name in ("W_q", "W_k") for kind, value in (("weight", one), ("bias", zero))}
    weights = call(16, 4, x=x / 4, set_to=still)[1][0, 0, 0].detach()
    found = float((weights[0] / weights[1]).log())
    if not abs(found - 2) < 1e-2:
        return Broken("a dot product of 4 in a head of width 4 should give weights with log(w1/w2) = 4 / sqrt(4) = 2",
                      f"d_model = 16, 4 heads: got {found:.3f}")


def _heads_have_to_divide(call):
    try:
        call(10, 3, x=None)
    except Stopped as stop:
        trouble = stop.outcome.trouble
        if trouble.kind != "ValueError":
            found = "no error was raised" if trouble.kind == "returned None" else f"it stops with {trouble.message}"
            return Broken("3 heads do not divide 10 features: that should raise a ValueError when the module is built",
                          found, "write `raise ValueError(...)` in `__init__`, before the projections")


def _gradients_stay_finite_beside_an_empty_row(call):
    (x,) = draw((2, 5, 12), seed=100)
    leaf = x.clone().requires_grad_()
    output, _ = call(12, 3, x=leaf, mask=_after_padding())
    output.square().sum().backward()
    if not leaf.grad.isfinite().all():
        return Broken("a query that may attend to nothing should leave the gradients finite",
                      "x.grad holds NaN after backward()",
                      "give its scores 0 before the softmax and its weights 0 after it")


BATTERY = Battery(
    sizes=_of_sizes,
    scores=_of_scores,
    masked=True,
    own=_under_masks,
    arguments=("d_model", "n_heads", "bias"),
    reference=lambda *args, **given: _invoke(_reference, *args, **given),
    without={**reasons.ONE_BATCH, "float64": "modules have float32 weights", "long": reasons.PLAIN["long"]},
)

MULTI_HEAD_ATTENTION = Exercise(
    name="MultiHeadAttention",
    title="Write masked multi-head attention as a module",
    notebook="08_masked_multi_head_attention",
    signature="MultiHeadAttention(d_model, n_heads, bias=True)",
    reference=_reference,
    arrays="torch",
    returns=(Returns("output", "(B, T, d_model)"), Returns("weights", "(B, H, T, S)")),
    cases=_cases,
    invoke=_invoke,
    probes=(
        Probe("two calls give the same", _twice_the_same),
        Probe("in each head, the weights of a query sum to 1", _rows_sum_to_one),
        Probe("a hidden position changes nothing", _hidden_keys_do_nothing),
        Probe("each head fills its own slice", _each_head_fills_its_own_slice),
        Probe("the order of the context is invisible", _order_of_the_context_is_invisible),
        Probe("W_o comes last, with its bias", _the_output_bias_comes_last),
        Probe("values come through W_v, with its bias", _values_come_through_w_v),
        Probe("queries come through W_q, with its bias", _queries_come_through_w_q),
        Probe("the scale is that of a head", _scale_is_that_of_a_head),
        Probe("heads have to divide d_model", _heads_have_to_divide),
        Probe("a query without keys leaves the gradients finite", _gradients_stay_finite_beside_an_empty_row),
    ),
    battery=BATTERY,
    stages=module_by_stages,
    mistakes=MISTAKES,
    equivalents=EQUIVALENTS,
    hints=(
        "Four steps: project, split into heads, attend in all heads at once, merge and project again. You have written "
        "each of them: notebooks 5, 6 and 7.",
        "In `__init__`: check that the heads divide d_model, then four `nn.Linear(d_model, d_model, bias=bias)`. In "
        "`forward`: `context = x if context is None else context`, queries from `x`, keys and values from `context`.",
        "`q = split_heads(self.W_q(x), self.n_heads)` and the same for k and v with the context; "
        "`scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])`; where a mask is given, "
        "`nobody = ~mask.any(-1, keepdim=True)` and "
        "`scores = scores.masked_fill(~mask, -math.inf).masked_fill(nobody, 0.0)`; `weights = scores.softmax(-1)`, "
        "and where a mask is given `weights.masked_fill(nobody, 0.0)`; "
        "`return self.W_o(merge_heads(weights @ v)), weights`.",
    ),
    minutes=20,
    points=3,
)

EXERCISES = (MULTI_HEAD_ATTENTION,)

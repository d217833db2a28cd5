"""Exercise of notebook 10: take one head out of the matrix that mixes the heads."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, tensor


def without_head(W_o, head, n_heads):
    """The course's own, imported when it is called: PyTorch takes a second."""
    from course_utils.models.induction import without_head

    return without_head(W_o, head, n_heads)


def removal_by_stages(W_o, head, n_heads, *, width=lambda W_o, H: W_o.shape[1] // H,
                      first=lambda head, width: head * width,
                      axis=1, put=lambda W_o: 0.0, which=lambda head, H: head, step=1):
    """Set a block of columns to 0, in stages that can be replaced one by one."""
    kept, size = W_o.clone(), width(W_o, n_heads)
    start = first(which(head, n_heads), size)
    places = [i for i in range(start, start + size * step, step) if i < W_o.shape[axis]]
    if axis == 1:
        kept[:, places] = put(W_o)
    else:
        kept[places] = put(W_o)
    return kept


def _cases():
    return (
        Case((tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]), 1, 2),
             note="head 1 of 2, four features"),
        Case((*draw((6, 6), seed=161), 0, 3), note="head 0 of 3"),
        Case((*draw((6, 6), seed=162), 2, 3), note="head 2 of 3, the last"),
        Case((*draw((6, 6), seed=163), 1, 2), note="head 1 of 2"),
        Case((*draw((4, 4), seed=164), 3, 4), note="heads of width 1"),
        Case((*draw((5, 5), seed=165), 0, 1), note="the only head"),
        Case((*draw((12, 12), seed=166), 2, 3), note="head 2 of 3, width 4"),
    )


# --- properties ---


def _only_this_head_is_gone(call):
    import torch

    W_o, = draw((6, 6), seed=61)
    W_o = W_o + 3 * torch.eye(6)
    got, heads = call(W_o, 1, 3), draw((5, 6), seed=62)[0]
    others = heads.clone()
    others[:, 2:4] += 7.0
    if not (heads @ got.T - others @ got.T).abs().max() < 1e-4:
        return Broken("what the head gives should have no effect any more",
                      "three heads of width 2: adding 7 to the features 2 and 3 of the merged heads changes the output")
    others = heads.clone()
    others[:, 2:4] = 0.0
    if not (heads @ got.T - others @ W_o.T).abs().max() < 1e-4:
        return Broken("the other heads should be mixed as before",
                      "three heads, head 1 away: the output is not that of the heads 0 and 2")


# --- right answers in other words ---


def _where(W_o, head, n_heads):
    import torch

    width = W_o.shape[1] // n_heads
    mine = torch.arange(W_o.shape[1]) // width == head
    return torch.where(mine, 0.0, W_o)


def _by_blocks(W_o, head, n_heads):
    import torch

    blocks = list(W_o.chunk(n_heads, dim=1))
    blocks[head] = torch.zeros_like(blocks[head])
    return torch.cat(blocks, dim=1)


def _by_product(W_o, head, n_heads):
    import torch

    keep = torch.ones(n_heads, W_o.shape[1] // n_heads, dtype=W_o.dtype)
    keep[head] = 0
    return W_o * keep.flatten()


def _looped(W_o, head, n_heads):
    kept, width = W_o.clone(), len(W_o) // n_heads
    for column in range(head * width, head * width + width):
        for row in range(len(W_o)):
            kept[row, column] = 0.0
    return kept


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


def _in_place(W_o, head, n_heads):
    width = W_o.shape[1] // n_heads
    W_o[:, head * width:(head + 1) * width] = 0
    return W_o


def _one_feature(W_o, head, n_heads):
    kept = W_o.clone()
    kept[:, head] = 0
    return kept


def _only_this_head(W_o, head, n_heads):
    return W_o - removal_by_stages(W_o, head, n_heads)


def _cut_out(W_o, head, n_heads):
    import torch

    width = W_o.shape[1] // n_heads
    return torch.cat([W_o[:, :head * width], W_o[:, (head + 1) * width:]], dim=1)


_AXIS = "`nn.Linear` computes `x @ W.weight.T`: which axis of the weight meets the features of x?"

_MISTAKES = (
    _mistake("rows", "The rows are set to 0: nn.Linear stores the transpose, so heads meet its columns.", _AXIS,
             axis=0),
    _mistake("in-place", "The matrix of the caller is changed: the model has lost the head for good.",
             "Call it twice with the same matrix and different heads.", _in_place),
    _mistake("one-column", "Only one column is set to 0; a head has d_model / n_heads of them.",
             "Print which columns belong to head 1 of 2, for four features.", _one_feature),
    _mistake("width-is-the-number", "n_heads is taken for the width of a head.",
             "Print the width of a head for 12 features and 3 heads.", width=lambda W_o, H: H),
    _mistake("interleaved", "Every n_heads-th column is set to 0; the columns of a head stand side by side.",
             "Print which columns belong to head 0 of 3, for six features.",
             lambda W_o, head, H: W_o * (1 - (_numbers(W_o) % H == head).to(W_o.dtype))),
    _mistake("everything-else", "All heads but this one are taken away.",
             "Multiply your matrix by the features of another head: is anything left?", _only_this_head),
    _mistake("everything-else-rows", "Rows are kept, of this head only.", _AXIS,
             lambda W_o, head, H: W_o - removal_by_stages(W_o, head, H, axis=0)),
    _mistake("counted-from-the-end", "The heads are counted from the end.", "Take head 0 of 3 away: which columns go?",
             which=lambda head, H: H - 1 - head),
    _mistake("counted-from-one", "The heads are counted from 1.", "Take head 0 of 3 away: which columns go?",
             which=lambda head, H: head - 1 if head else H - 1),
    _mistake("up-to-this-head", "All heads up to this one are taken away.", "Take head 2 of 3 away: what is left?",
             lambda W_o, head, H: W_o * (_numbers(W_o) // (W_o.shape[1] // H) > head).to(W_o.dtype)),
    _mistake("from-this-head-on", "All heads from this one on are taken away.", "Take head 0 of 3 away: what is left?",
             lambda W_o, head, H: W_o * (_numbers(W_o) // (W_o.shape[1] // H) < head).to(W_o.dtype)),
    _mistake("mean-put-in", "The mean of the matrix stands there, not 0.", "Print the columns of the head.",
             put=lambda W_o: W_o.mean()),
    _mistake("columns-cut-out", "The columns are cut out, so the matrix no longer fits the merged heads.",
             "Print the shape of your matrix.", _cut_out),
    _mistake("nothing-done", "The matrix comes back as it is: the changed copy was dropped.",
             "Print the columns of the head before and after.", lambda W_o, head, H: W_o.clone()),
    _mistake("rows-and-columns", "Rows and columns are set to 0.", _AXIS,
             lambda W_o, head, H: removal_by_stages(removal_by_stages(W_o, head, H), head, H, axis=0)),
)


def _numbers(W_o):
    import torch

    return torch.arange(W_o.shape[1])


BATTERY = Battery(
    sizes=lambda s: (*draw((s.H * s.d_k, s.H * s.d_k), seed=s.seed, dtype=s.dtype), s.H - 1, s.H),
    arguments=("W_o", "head", "n_heads"),
    reference=without_head,
    without={**dict.fromkeys(("T > S", "T < S", "one key", "one query", "one item", "no batch", "two leading axes"),
                             "a matrix goes in, without positions or a batch"),
             "scores": "a matrix goes in, and no scores", **reasons.PLAIN},
)

WITHOUT_HEAD = Exercise(
    name="without_head",
    title="Take a head away",
    notebook="10_what_heads_learn",
    signature="without_head(W_o, head, n_heads)",
    reference=without_head,
    arrays="torch",
    returns=(Returns("W_o", "(d_model, d_model)"),),
    cases=_cases,
    probes=(Probe("this head has no effect, the others the same", _only_this_head_is_gone),),
    battery=BATTERY,
    stages=removal_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("where", _where),
        Equivalent("blocks", _by_blocks),
        Equivalent("product", _by_product),
        Equivalent("loops", _looped),
    ),
    hints=(
        "The merged heads stand side by side, and `nn.Linear` computes `merged @ W_o.T`. So which part of the weight "
        "meets the features of head h?",
        "Columns h * width to (h + 1) * width, with `width = W_o.shape[1] // n_heads`. Change a copy: `W_o.clone()`.",
        "`kept = W_o.clone()`, `kept[:, head * width:(head + 1) * width] = 0`, `return kept`.",
    ),
    minutes=6,
    points=1,
)

EXERCISES = (WITHOUT_HEAD,)

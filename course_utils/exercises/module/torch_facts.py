"""Exercise of notebook 08: what PyTorch's two attentions mean by their arguments.

Nothing is known by heart here: the truth of each statement is what PyTorch does when it is asked.
"""

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns

__all__ = ["EXERCISES", "STATEMENTS", "is_true"]


def _attend(mask=None, T=2, S=2, **options):
    """Call F.scaled_dot_product_attention with values that show where each output comes from."""
    import torch
    import torch.nn.functional as F

    q, k = torch.zeros(1, T, 4), torch.zeros(1, S, 4)
    return F.scaled_dot_product_attention(q, k, torch.eye(S)[None], mask, **options)


def _module(**options):
    from torch import nn

    return nn.MultiheadAttention(4, 2, **options)


def _call(module, mask=None, **options):
    import torch

    x = torch.linspace(-1, 1, 8).reshape(1, 2, 4)
    return module(x, x, x, attn_mask=mask, **options)


def _sdpa_true_attends():
    import torch

    return float(_attend(torch.tensor([[True, False], [True, True]]))[0, 0, 0]) == 1.0


def _mha_true_attends():
    import torch

    weights = _call(_module(batch_first=True), torch.tensor([[True, False], [False, False]]))[1]
    return float(weights[0, 0, 0].detach()) == 1.0


def _mha_weights_of_each_head():
    return _call(_module(batch_first=True))[1].shape == (1, 2, 2, 2)


def _mha_batch_comes_first():
    import torch

    module, x = _module(), torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0))
    alone = module(x[:1], x[:1], x[:1])[0]
    together = module(x, x, x)[0][:1]
    return torch.allclose(alone, together, atol=1e-6)  # does item 0 care about items 1 and 2?


def _sdpa_nothing_visible_is_zero():
    import torch

    return bool((_attend(torch.tensor([[False, False], [True, True]]))[0, 0] == 0).all())


def _one_head_unwatched_is_nan_either_way():
    import torch
    from torch import nn

    # In use, not in training: there an even number of heads takes a faster way, which gives NaN in both.
    module, nothing = nn.MultiheadAttention(4, 1, batch_first=True).eval(), torch.tensor([[True, True], [False, False]])
    with torch.no_grad():
        return all(_call(module, nothing, need_weights=need)[0][0, 0].isnan().all() for need in (True, False))


def _is_causal_aligns_at_the_end():
    # One new query after five keys, as when a model writes: does it see all five?
    return bool((_attend(T=1, S=5, is_causal=True) > 0).all())


def _dropout_stops_in_eval():
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        outputs = [_attend(T=4, S=4, dropout_p=0.5) for _ in range(4)]  # as in a module after .eval()
    return all(torch.equal(outputs[0], x) for x in outputs)


def _fresh_biases_are_zero():
    module = _module()
    return bool((module.in_proj_bias == 0).all() and (module.out_proj.bias == 0).all())


def _large_fill_fits_half_precision():
    import torch

    try:
        torch.zeros(2, dtype=torch.float16).masked_fill(torch.tensor([True, False]), -1e9)
    except RuntimeError:
        return False
    return True


# label -> (statement, how to find out, what happens instead or as well)
STATEMENTS = {
    "A": ("In F.scaled_dot_product_attention, True in a boolean mask means: may attend.", _sdpa_true_attends,
          "a query whose mask is (True, False) gets the first value"),
    "B": ("In nn.MultiheadAttention, True in attn_mask means: may attend.", _mha_true_attends,
          "a query whose mask is (True, False) gives all its weight to the second key"),
    "C": ("nn.MultiheadAttention gives back the weights of each head, unless asked otherwise.",
          _mha_weights_of_each_head, "the weights come back averaged over the heads, with three axes"),
    "D": ("nn.MultiheadAttention(4, 2) takes the first axis of its input for the batch.", _mha_batch_comes_first,
          "item 0 changes when items 1 and 2 are taken away, so the first axis counts positions"),
    "E": ("In F.scaled_dot_product_attention, on a CPU, a query that may attend to nothing gets zeros.",
          _sdpa_nothing_visible_is_zero, "the output row is exactly 0"),
    "F": ("nn.MultiheadAttention(4, 1), in eval() under no_grad, gives it NaN with need_weights=True and with False.",
          _one_head_unwatched_is_nan_either_way, "the output is NaN only where the weights are asked for"),
    "G": ("With is_causal=True, one query over five keys sees all five.", _is_causal_aligns_at_the_end,
          "the triangle begins at the top left, so the one query sees key 0 alone"),
    "H": ("dropout_p=0.5 in F.scaled_dot_product_attention does nothing in a model that was put into eval mode.",
          _dropout_stops_in_eval, "the function knows nothing of eval mode, and two calls differ"),
    "I": ("The biases of a new nn.MultiheadAttention are all 0.", _fresh_biases_are_zero,
          "in_proj_bias and out_proj.bias hold nothing but zeros"),
    "J": ("Hidden scores of float16 can be filled with -1e9.", _large_fill_fits_half_precision,
          "-1e9 is beyond the range of float16, and PyTorch raises a RuntimeError"),
}


def is_true(label):
    """Ask PyTorch whether a statement holds.

    Parameters
    ----------
    label : str
        A letter of `STATEMENTS`.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If there is no such statement.
    """
    if label not in STATEMENTS:
        raise ValueError(f"label should be one of {', '.join(STATEMENTS)}, got {label!r}")
    return bool(STATEMENTS[label][1]())


def _truth():
    return {label: is_true(label) for label in STATEMENTS}


def _invoke(answer, label):
    """Look one statement up in what the learner returns."""
    answers = answer()
    if answers is None:
        return None
    if not isinstance(answers, dict) or label not in answers:
        letters = isinstance(answers, dict) and (", ".join(map(str, answers)) or "nothing")
        got = f"one with {letters}" if letters else type(answers).__name__
        raise ValueError(f"the answer should be a dictionary with the letters A to J, got {got}")
    judged = answers[label]
    if str(getattr(judged, "dtype", "")) in ("bool", "torch.bool") and judged.ndim == 0:
        judged = bool(judged)  # what a comparison of NumPy or PyTorch gives
    if not isinstance(judged, bool):
        raise ValueError(f"{label} should be True or False, got {judged!r}")
    return np.array(judged)


def _agrees(label):
    def run(call):
        if bool(call(label)) != is_true(label):
            return Broken(f"statement {label} is {'true' if is_true(label) else 'false'}",
                          f"run it and {STATEMENTS[label][2]}",
                          f"ask PyTorch about {label} in two or three lines, and look what comes out")

    return run


def _by_stages(**changed):
    truth = _truth()
    return {**truth, **{label: not truth[label] for label in changed}}


def _torch_truth():
    import torch

    return {label: torch.tensor(value) for label, value in _truth().items()}


def _flipped(label):
    _, _, instead = STATEMENTS[label]
    return Mistake(f"statement-{label}".lower(), changes={label: "flipped"},
                   cause=f"Statement {label} is judged the wrong way round: {instead}.",
                   experiment=f"Ask PyTorch about {label} in two or three lines, and look what comes out.")


TORCH_FACTS = Exercise(
    name="torch_facts",
    title="Tell what PyTorch's attentions mean by their arguments",
    notebook="08_masked_multi_head_attention",
    signature="torch_facts()",
    reference=_truth,
    arrays="numpy",
    returns=(Returns("answer", "()"),),
    cases=lambda: [Case((label,), note=STATEMENTS[label][0]) for label in STATEMENTS],
    invoke=_invoke,
    probes=tuple(Probe(f"statement {label} is judged rightly", _agrees(label)) for label in STATEMENTS),
    stages=_by_stages,
    mistakes=tuple(_flipped(label) for label in STATEMENTS),
    equivalents=(
        Equivalent("filled-in-backwards", lambda: dict(reversed(_truth().items()))),
        Equivalent("numpy-truth", lambda: {label: np.bool_(value) for label, value in _truth().items()}),
        Equivalent("torch-truth", _torch_truth),
    ),
    hints=(
        "Do not guess: each statement can be run in two or three lines. Begin with A and B, which look alike.",
        "Use values that show where an output comes from, such as `torch.eye(S)`. For D, take items away and see "
        "whether the rest changes; for F, build it with one head; for H, call twice and compare.",
        "True are A, E and I; all others are false.",
    ),
    minutes=12,
)

EXERCISES = (TORCH_FACTS,)

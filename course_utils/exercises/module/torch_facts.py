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


def _either_mask_hides():
    import torch

    x, later = torch.zeros(1, 3, 4), torch.tensor([[False, True, False]] * 3)  # True hides
    padding = torch.tensor([[False, False, True]])
    weights = _module(batch_first=True)(x, x, x, attn_mask=later, key_padding_mask=padding)[1]
    return torch.equal(weights[0, 0] > 0, torch.tensor([True, False, False]))


def _mha_takes_a_mask_for_each_sequence():
    import torch

    x = torch.zeros(3, 2, 4)
    try:
        _module(batch_first=True)(x, x, x, attn_mask=torch.zeros(3, 2, 2, dtype=torch.bool))
    except RuntimeError:
        return False
    return True


def _dropout_stops_in_eval():
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        outputs = [_attend(T=4, S=4, dropout_p=0.5) for _ in range(4)]  # as in a module after .eval()
    return all(torch.equal(outputs[0], x) for x in outputs)


def _mha_batch_comes_first():
    import torch

    module, x = _module(), torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0))
    alone = module(x[:1], x[:1], x[:1])[0]
    together = module(x, x, x)[0][:1]
    return torch.allclose(alone, together, atol=1e-6)  # does item 0 care about items 1 and 2?


def _scale_takes_the_place_of_the_root():
    import torch
    import torch.nn.functional as F

    q, k = torch.tensor([[[2.0, 0.0, 0.0, 0.0]]]), torch.eye(4)[None]
    weights = F.scaled_dot_product_attention(q, k, torch.eye(4)[None], scale=1.0)
    return torch.allclose(weights, (q @ k.mT).softmax(-1), atol=1e-6)


def _is_causal_aligns_at_the_end():
    # One new query after five keys, as when a model writes: does it see all five?
    return bool((_attend(T=1, S=5, is_causal=True) > 0).all())


# label -> (statement, how to find out, what happens instead or as well). Letters keep what they say of the truth:
# notebooks that were kept ask for them, with ten statements of which these six letters were true or false alike.
STATEMENTS = {
    "A": ("Given attn_mask and key_padding_mask, nn.MultiheadAttention hides a key that either of them hides.",
          _either_mask_hides, "a key that one of them hides has the weight 0, whatever the other says"),
    "B": ("nn.MultiheadAttention(4, 2) takes a mask for each of 3 sequences, of shape (3, T, S), as attn_mask.",
          _mha_takes_a_mask_for_each_sequence,
          "PyTorch refuses: it wants (6, T, S), a table for each head of each sequence"),
    "C": ("dropout_p=0.5 in F.scaled_dot_product_attention does nothing in a model that was put into eval mode.",
          _dropout_stops_in_eval, "the function knows nothing of eval mode, and two calls differ"),
    "D": ("nn.MultiheadAttention(4, 2) takes the first axis of its input for the batch.", _mha_batch_comes_first,
          "item 0 changes when items 1 and 2 are taken away, so the first axis counts positions"),
    "E": ("With scale=1.0, F.scaled_dot_product_attention does not divide by the root of d_k.",
          _scale_takes_the_place_of_the_root, "scale takes the root's place, and is not multiplied to it"),
    "F": ("With is_causal=True, one query over five keys sees all five.", _is_causal_aligns_at_the_end,
          "the triangle begins at the top left, so the one query sees key 0 alone"),
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
        raise ValueError(f"the answer should be a dictionary with the letters A to F, got {got}")
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
        "Do not guess: each statement can be run in two or three lines. Begin with D: take items away.",
        "Use values that show where an output comes from, such as `torch.eye(S)`. For C, call twice and compare; for "
        "E, compare with `(q @ k.mT).softmax(-1)`; for F, count what is not 0.",
        "True are A and E; all others are false.",
    ),
    minutes=12,
)

EXERCISES = (TORCH_FACTS,)

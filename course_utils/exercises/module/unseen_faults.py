"""Exercise of notebook 08: which faults a comparison with PyTorch's module cannot see on given inputs.

Nothing is known by heart here: modules with each fault are built, compared, and seen or not.
"""

import functools

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns

__all__ = ["EXERCISES", "FAULTS", "TESTS", "is_seen"]

# number -> (heads, whether biases are filled, number of tokens of the context; none without one)
TESTS = {1: (3, False, None), 2: (1, True, None), 3: (3, True, 1)}
FAULTS = {
    "A": "the biases of W_q, W_k and W_v are left out",
    "B": "W_q and W_k are exchanged",
    "C": "the context is ignored",
    "D": "scores are divided by the root of d_model",
    "E": "heads are merged without turning their axes back",
}


def _with_fault(ours, letter):
    """Give the module a fault, in place of its own numbers or of its own forward."""
    import torch

    from course_utils.attention import scaled_dot_product_attention
    from course_utils.multihead import merge_heads, split_heads

    with torch.no_grad():
        if letter == "A":
            for layer in (ours.W_q, ours.W_k, ours.W_v):
                layer.bias.zero_()
        if letter == "B":
            ours.W_q, ours.W_k = ours.W_k, ours.W_q

    def forward(x, context=None):
        context = x if context is None or letter == "C" else context
        q, k, v = (split_heads(layer(y), ours.n_heads)
                   for layer, y in ((ours.W_q, x), (ours.W_k, context), (ours.W_v, context)))
        q = q / ours.n_heads ** 0.5 if letter == "D" else q
        output, weights = scaled_dot_product_attention(q, k, v)
        merged = output.reshape(*x.shape) if letter == "E" else merge_heads(output)
        return ours.W_o(merged), weights

    return forward


@functools.cache
def is_seen(test, letter):
    """Ask whether a comparison with PyTorch's module, by outputs and by weights, sees a fault.

    Parameters
    ----------
    test : int
        A number of `TESTS`.
    letter : str
        A letter of `FAULTS`.

    Returns
    -------
    bool
    """
    import torch
    from torch import nn

    from course_utils.multihead import MultiHeadAttention

    heads, filled, S = TESTS[test]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(5)
        theirs = nn.MultiheadAttention(12, heads, batch_first=True)
        if filled:
            nn.init.normal_(theirs.in_proj_bias)
            nn.init.normal_(theirs.out_proj.bias)
        x = torch.randn(2, 5, 12)
        given = (x,) if S is None else (x, torch.randn(2, S, 12))
        found = _with_fault(MultiHeadAttention.from_torch(theirs), letter)(*given)
        wanted = theirs(x, given[-1], given[-1], average_attn_weights=False)
    return any(a.shape != b.shape or not torch.allclose(a, b, atol=1e-4) for a, b in zip(found, wanted))


def _truth():
    return {test: "".join(letter for letter in FAULTS if not is_seen(test, letter)) for test in TESTS}


def _invoke(answer, test):
    """Look one test up in what the learner returns: True for each fault that it is said not to see."""
    answers = answer()
    if answers is None:
        return None
    answers = {str(key): value for key, value in answers.items()} if isinstance(answers, dict) else answers
    if not isinstance(answers, dict) or str(test) not in answers:
        numbers = isinstance(answers, dict) and (", ".join(answers) or "nothing")
        got = f"one with {numbers}" if numbers else type(answers).__name__
        raise ValueError(f"the answer should be a dictionary with the tests 1, 2 and 3, got {got}")
    letters = answers[str(test)]
    try:
        letters = [letter for letter in "".join(letters).upper() if letter not in " ,"]
    except TypeError:
        raise ValueError(f"test {test} should have the letters of faults, such as \"AB\", got {letters!r}") from None
    strange = sorted(set(letters) - set(FAULTS))
    if strange:
        raise ValueError(f"test {test} should have letters from A to E, got {strange[0]!r}")
    return np.array([letter in letters for letter in FAULTS])


# What decides, and what to try; the same reason often holds for several.
_REASONS = {
    "1A": ("the biases of a new module are all 0, so leaving them out changes nothing",
           "Print `fresh.in_proj_bias.unique()`."),
    "2A": ("the biases are filled here, and without them every number is another",
           "Fill a bias and compare the layer's result with and without it."),
    "3A": ("a single key has the weight 1, but the bias of W_v is still part of its value",
           "Write the output down for one key: which of the three biases are in it?"),
    **dict.fromkeys(("1B", "2B"), (
        "exchanged, W_q and W_k turn the table of scores over, and its softmax is another",
        "Compare the softmax of `q @ k.T` with that of `k @ q.T`, for two small tables.")),
    **dict.fromkeys(("3B", "3D"), (
        "a single key gets the weight 1, whatever its score is",
        "Print `torch.tensor([[3.0], [-8.0]]).softmax(-1)`.")),
    **dict.fromkeys(("1C", "2C"), (
        "no context is given, and then keys and values come from x in any case",
        "Read what happens in `forward` where `context` is None.")),
    "3C": ("the context holds other numbers than x, so keys and values of x give another output",
           "Write down where keys and values come from in `module(x, context)`."),
    "1D": ("with 3 heads d_k is a third of d_model, so the two roots differ",
           "Print the roots of 12 and of 12 // 3."),
    "2D": ("one head is as wide as the model, so d_k is d_model",
           "Write d_k down for one head."),
    **dict.fromkeys(("1E", "3E"), (
        "not turned back, numbers of one position land in the row of another",
        "Merge `torch.arange(12.0).view(1, 3, 2, 2)` with `transpose(1, 2)` and without.")),
    "2E": ("an axis of size 1 can stand anywhere: one head has nothing to turn back",
           "Merge `torch.arange(4.0).view(1, 1, 2, 2)` with `transpose(1, 2)` and without."),
}


def _agrees(test):
    def run(call):
        for letter, said in zip(FAULTS, call(test)):
            if bool(said) == is_seen(test, letter):
                return Broken(f"test {test} {'sees' if is_seen(test, letter) else 'cannot see'} fault {letter}",
                              f"{letter}: {FAULTS[letter]}")

    return run


def _by_stages(**changed):
    truth = _truth()
    return {test: "".join(letter for letter in FAULTS if (letter in truth[test]) != (f"{test}{letter}" in changed))
            for test in TESTS}


def _flipped(key):
    why, look = _REASONS[key]
    verb = "sees" if _known_to_be_seen(key) else "cannot see"
    return Mistake(f"test-{key}".lower(), changes={key: "flipped"},
                   cause=f"Test {key[0]} {verb} fault {key[1]}: {why}.", experiment=look)


def _known_to_be_seen(key):
    """What `is_seen` finds, for sentences that are made before PyTorch is there; a test holds the two together."""
    return key not in ("1A", "1C", "2C", "2D", "2E", "3B", "3D")


def _by_asking():
    found = {}
    for test in TESTS:  # a plain loop over tests and faults
        found[str(test)] = []
        for letter in FAULTS:
            if not is_seen(test, letter):
                found[str(test)].append(letter)
    return found


UNSEEN_FAULTS = Exercise(
    name="unseen_faults",
    title="Say which faults a parity test cannot see",
    notebook="08_masked_multi_head_attention",
    signature="unseen_faults()",
    reference=_truth,
    arrays="numpy",
    returns=(Returns("unseen", "(5,)"),),
    cases=lambda: [Case((test,), note=f"test {test}") for test in TESTS],
    invoke=_invoke,
    probes=tuple(Probe(f"test {test} is judged rightly", _agrees(test)) for test in TESTS),
    stages=_by_stages,
    mistakes=tuple(_flipped(f"{test}{letter}") for test in TESTS for letter in FAULTS),
    equivalents=(
        Equivalent("loops", _by_asking),
        Equivalent("sets", lambda: {test: set(letters) for test, letters in _truth().items()}),
        Equivalent("small-letters-with-commas",
                   lambda: {test: ", ".join(letters.lower()) for test, letters in _truth().items()}),
    ),
    hints=(
        "For each test ask which two things are the same in it that differ elsewhere: exchanged, they go unseen.",
        "Test 1: which numbers of a new module are all 0? Test 2: how wide is one head? Test 3: which weight has the "
        "only key? And where no context is given, who notices that it is ignored?",
        '`return {1: "AC", 2: "CDE", 3: "BD"}`.',
    ),
    minutes=6,
)

EXERCISES = (UNSEEN_FAULTS,)

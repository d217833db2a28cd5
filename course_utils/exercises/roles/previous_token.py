"""Exercise of notebook 10: how much a head looks at the token just before."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, tensor


def previous_token_score(weights):
    """The course's own, imported when it is called: PyTorch takes a second."""
    from course_utils.models.induction import previous_token_score

    return previous_token_score(weights)


def score_by_stages(weights, *, look=lambda w: w.diagonal(offset=-1, dim1=2, dim2=3), over=lambda x: x.mean((0, 2))):
    """The score in stages that can be replaced one by one."""
    return over(look(weights))


def tables(B, H, T, seed, dtype="float32"):
    """Attention tables under a causal mask."""
    import torch

    scores, = draw((B, H, T, T), seed=seed, dtype=dtype)
    past = torch.ones(T, T, dtype=torch.bool).tril()
    return (2 * scores).masked_fill(~past, float("-inf")).softmax(-1)


def _cases():
    return (
        Case((tensor([[[[1.0, 0.0, 0.0], [0.75, 0.25, 0.0], [0.0, 0.5, 0.5]]]]),), note="one head, three tokens"),
        Case((tables(2, 3, 4, seed=141),), note="two sequences, three heads"),
        Case((tables(2, 2, 2, seed=142),), note="two tokens"),
        Case((draw((1, 2, 4, 4), seed=143)[0].softmax(-1),), note="later keys are seen too"),
    )


# --- properties ---


def _a_perfect_head_has_one(call):
    import torch

    perfect = torch.zeros(5, 5)
    perfect[0, 0] = 1.0
    perfect[range(1, 5), range(4)] = 1.0
    nothing = torch.eye(5)
    got = call(torch.stack([perfect, nothing])[None])
    if tuple(got.shape) != (2,):
        return Broken("there should be one number for each head",
                      f"two heads: wanted shape (2,), got {tuple(got.shape)}")
    if not ((got[0] - 1).abs() < 1e-5 and got[1].abs() < 1e-5):
        return Broken("a head that always looks at the token before has the score 1, one that looks at itself has 0",
                      f"got {float(got[0]):.3f} and {float(got[1]):.3f}")


# --- right answers in other words ---


def _indexed(weights):
    import torch

    T = weights.shape[-1]
    queries = torch.arange(1, T)
    return weights[:, :, queries, queries - 1].mean(dim=(0, 2))


def _sliced(weights):
    return weights[:, :, 1:, :-1].diagonal(dim1=-2, dim2=-1).mean(-1).mean(0)


def _looped(weights):
    import torch

    B, H, T, _ = weights.shape
    return torch.stack([sum(weights[b, h, t, t - 1] for b in range(B) for t in range(1, T)) / (B * (T - 1))
                        for h in range(H)])


def _masked(weights):
    import torch

    T = weights.shape[-1]
    before = torch.ones(T, T, dtype=weights.dtype).tril(-1) - torch.ones(T, T, dtype=weights.dtype).tril(-2)
    return (weights * before).sum((2, 3)).mean(0) / (T - 1)


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


_SHOWN = "Write a table of 3 tokens down and mark the cells that you read."

_MISTAKES = (
    _mistake("token-after", "The key just after the query is read, not the one just before: rows are queries.", _SHOWN,
             look=lambda w: w.diagonal(offset=1, dim1=2, dim2=3)),
    _mistake("token-itself", "The diagonal is read: the weight of the token itself.", _SHOWN,
             look=lambda w: w.diagonal(dim1=2, dim2=3)),
    _mistake("two-before", "The key two places before the query is read.", _SHOWN,
             lambda w: w.diagonal(offset=-2, dim1=2, dim2=3).mean((0, 2))),
    _mistake("all-before", "The weight of all keys before the query is added up.", _SHOWN,
             look=lambda w: w.tril(-1).sum(-1)[..., 1:]),
    _mistake("first-token", "The weight of the first token is read in every row.", _SHOWN,
             look=lambda w: w[..., 1:, 0]),
    _mistake("first-query-counted", "Query 0 is counted as well, though no token stands before it.",
             "Over how many queries do you average, for three tokens?",
             over=lambda x: x.sum((0, 2)) / (len(x) * (x.shape[-1] + 1))),
    _mistake("wrapped-round", "In row 0 the index -1 stands for the last key.",
             "Print `weights[0, 0, 0, -1]`: which key is that?",
             lambda w: w[:, :, range(w.shape[-1]), [t - 1 for t in range(w.shape[-1])]].mean((0, 2))),
    _mistake("heads-averaged", "The heads are averaged too; one number for each head is wanted.",
             "Print the shape of your result for three heads.", over=lambda x: x.mean()),
    _mistake("over-the-heads", "The mean is taken over the heads, and a number is left for each sequence.",
             "Print the shape of your result for three heads and two sequences.", over=lambda x: x.mean((1, 2))),
    _mistake("sequences-kept", "There is a number for each sequence and head; average over the sequences too.",
             "Print the shape of your result for three heads and two sequences.", over=lambda x: x.mean(2)),
    _mistake("first-sequence-only", "Only the first sequence is read.", "Try a batch of two.",
             over=lambda x: x[0].mean(-1)),
    _mistake("added-up", "The weights are added up and not averaged.",
             "A head that always looks at the token before has the score 1.", over=lambda x: x.sum((0, 2))),
    _mistake("sequences-added", "The sequences are added up and not averaged.",
             "A head that always looks at the token before has the score 1.", over=lambda x: x.mean(2).sum(0)),
    _mistake("largest", "The largest weight is taken in place of the mean.",
             "A head that looks back once in five tokens is no previous-token head.",
             over=lambda x: x.amax((0, 2))),
    _mistake("how-often-it-wins", "It is counted how often the token before has the largest weight.",
             "A weight of 0.51 and one of 0.99 should count differently.",
             lambda w: (w.argmax(-1)[..., 1:] == w.new_tensor(range(w.shape[-1] - 1))).to(w.dtype).mean((0, 2))),
)

BATTERY = Battery(
    sizes=lambda s: (tables(*(s.lead or (1,)), s.H, max(2, s.T), s.seed, s.dtype),),
    arguments=("weights",),
    reference=previous_token_score,
    without={**reasons.OWN_TOKENS, **reasons.ONE_BATCH, "scores": "weights go in, and no scores", **reasons.PLAIN,
             "one query": "with a single token there is none before"},
)

PREVIOUS_TOKEN_SCORE = Exercise(
    name="previous_token_score",
    title="Measure who looks at the token before",
    notebook="10_what_heads_learn",
    signature="previous_token_score(weights)",
    reference=previous_token_score,
    arrays="torch",
    returns=(Returns("scores", "(H,)"),),
    cases=_cases,
    probes=(Probe("looking at the token before is 1, looking at itself is 0", _a_perfect_head_has_one),),
    battery=BATTERY,
    stages=score_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("indexed", _indexed),
        Equivalent("sliced", _sliced),
        Equivalent("loops", _looped),
        Equivalent("masked", _masked),
    ),
    hints=(
        "Which cells of a table belong to it? Row t, column t - 1: a diagonal, one place below the main one.",
        "`weights[:, :, 1:, :-1]` leaves out query 0 and the last key; the main diagonal of that is what you want: "
        "`.diagonal(dim1=-2, dim2=-1)` gives it.",
        "`return weights[:, :, 1:, :-1].diagonal(dim1=-2, dim2=-1).mean((0, 2))`.",
    ),
    minutes=8,
    points=1,
)

EXERCISES = (PREVIOUS_TOKEN_SCORE,)

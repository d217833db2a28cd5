"""Exercise of notebook 10: how much a head looks at what followed the same token before."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import tensor
from course_utils.exercises.roles.previous_token import tables


def induction_score(weights, tokens):
    """The course's own, imported when it is called: PyTorch takes a second."""
    from course_utils.models.induction import induction_score

    return induction_score(weights, tokens)


def score_by_stages(weights, tokens, *, alike=lambda tokens: tokens[:, :, None] == tokens[:, None, :],
                    earlier=lambda same: same.tril(-1), step=1, counted=lambda after: after.any(-1),
                    mass=lambda weights, after: (weights * after[:, None]).sum(-1),
                    over=lambda mass, counted: (mass * counted[:, None]).sum((0, 2)) / counted.sum().clamp(min=1)):
    """The score in stages that can be replaced one by one."""
    import torch

    same = earlier(alike(tokens))  # (B, query, key): an earlier token like the query's
    after = torch.zeros_like(same)
    T = same.shape[-1]
    for k in range(T):  # the key that is `step` places from it
        if 0 <= k + step < T:
            after[:, :, k + step] |= same[:, :, k]
    return over(mass(weights, after), counted(after))


def _of(rows):
    return tensor(rows).long()


def _cases():
    one = tensor([[[[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.25, 0.5, 0.25, 0.0], [0.125, 0.0, 0.75, 0.125]]]])
    return (
        Case((one, _of([[7, 8, 7, 8]])), note="tokens 7 8 7 8: query 2 should look at key 1, query 3 at key 2"),
        Case((tables(2, 3, 6, seed=151), _of([[1, 2, 3, 1, 2, 3], [4, 4, 5, 4, 6, 5]])), note="two sequences"),
        Case((tables(1, 2, 5, seed=152), _of([[3, 3, 3, 3, 3]])), note="one token again and again"),
        Case((tables(2, 2, 5, seed=153), _of([[0, 1, 2, 3, 4], [0, 1, 0, 2, 1]])), note="nothing again in item 0"),
        Case((tables(1, 2, 4, seed=154), _of([[0, 1, 2, 3]])), note="nothing comes again"),
        Case((tables(2, 2, 12, seed=155), _of([[1, 2, 3, 4] * 3, [5, 6, 7, 5, 6, 7, 5, 6, 7, 5, 6, 7]])),
             note="three copies"),
    )


# --- properties ---


def _a_perfect_head_has_one(call):
    import torch

    tokens = _of([[4, 1, 3, 4, 1, 3]])
    weights = torch.eye(6)[None, None].repeat(1, 2, 1, 1)
    weights[0, 0, 3:] = torch.eye(6)[1:4]
    got = call(weights, tokens)
    if tuple(got.shape) != (2,):
        return Broken("there should be one number for each head",
                      f"two heads: wanted shape (2,), got {tuple(got.shape)}")
    if not ((got[0] - 1).abs() < 1e-5 and got[1].abs() < 1e-5):
        return Broken("a head that always looks at what followed the same token has the score 1, one that looks at "
                      "itself has 0", f"got {float(got[0]):.3f} and {float(got[1]):.3f}")


# --- right answers in other words ---


def _looped(weights, tokens):
    import torch

    B, H, T, _ = weights.shape
    total, queries = torch.zeros(H, dtype=weights.dtype), 0
    for b in range(B):
        row = tokens[b].tolist()
        for t in range(T):
            keys = [k + 1 for k in range(t) if row[k] == row[t]]
            if keys:
                queries += 1
                total = total + weights[b, :, t, keys].sum(-1)
    return total / max(queries, 1)


def _sliced(weights, tokens):
    import torch

    T = tokens.shape[1]
    after = torch.zeros(len(tokens), T, T, dtype=torch.bool)
    after[:, :, 1:] = (tokens[:, :, None] == tokens[:, None, :]).tril(-1)[:, :, :-1]
    rows = after.any(-1)
    found = torch.einsum("bhtk,btk->h", weights, after.to(weights.dtype))
    return found / rows.sum().clamp(min=1)


def _selected(weights, tokens):
    import torch

    same = (tokens.unsqueeze(2) == tokens.unsqueeze(1)).tril(-1)
    after = torch.cat([torch.zeros_like(same[..., :1]), same[..., :-1]], -1)
    masses = weights.masked_fill(~after.unsqueeze(1), 0.0).sum(-1).permute(1, 0, 2)[:, after.any(-1)]
    return masses.sum(-1) / max(1, masses.shape[-1])


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


_ROW = "Write 7 8 7 8 down, and below it for query 3 the keys that should count."


def _given_period(weights, tokens):
    """The distance of the first token that comes again holds for all."""
    T, totals = tokens.shape[1], []
    for b in range(len(tokens)):
        row = tokens[b].tolist()
        period = next((k for k in range(1, T) if row[k] == row[0]), None)
        if period:
            totals.append(weights[b].diagonal(offset=1 - period, dim1=1, dim2=2)[:, 1:])
    import torch

    return torch.cat(totals, -1).mean(-1) if totals else weights.new_zeros(weights.shape[1])


_MISTAKES = (
    _mistake("same-token", "The keys that hold the same token are read; wanted is the key just after each.", _ROW,
             step=0),
    _mistake("key-before", "The key just before the same token is read; wanted is the one just after.", _ROW, step=-1),
    _mistake("two-after", "The key two places after the same token is read.", _ROW,
             lambda weights, tokens: score_by_stages(weights, tokens, step=2)),
    _mistake("later-ones-too", "Later tokens count as well; a causal model never sees them, but its own place does: "
             "key t follows key t - 1.", _ROW,
             earlier=lambda same: same & ~same.new_ones(same.shape[-2:]).tril(0).triu(0)),
    _mistake("itself-counted", "The token itself counts as an earlier one, so the key after it does too.", _ROW,
             earlier=lambda same: same.tril(0)),
    _mistake("all-queries", "All queries are averaged over, also those whose token is new.",
             "How many of the four queries of 7 8 7 8 can have such a key?",
             counted=lambda after: after.any(-1) | True),
    _mistake("all-but-the-first", "All queries but the first are averaged over, also those whose token is new.",
             "How many of the four queries of 7 8 7 8 can have such a key?",
             counted=lambda after: after.new_ones(after.shape[:-1]).cumsum(-1) > 1),
    _mistake("averaged-over-keys", "The weights of several such keys are averaged; they should be added up.",
             "Try one token again and again: what should a head that spreads over its past have?",
             mass=lambda weights, after: (weights * after[:, None]).sum(-1) / after.sum(-1).clamp(min=1)[:, None]),
    _mistake("largest-key-only", "Only the largest of several such keys counts; they should be added up.",
             "Try three copies: the second and third query have two such keys.",
             mass=lambda weights, after: (weights * after[:, None]).amax(-1)),
    _mistake("latest-only", "Only the key after the latest same token counts; all of them should.",
             "Try three copies: the third has two such keys.",
             earlier=lambda same: _latest(same.tril(-1))),
    _mistake("first-only", "Only the key after the first same token counts; all of them should.",
             "Try three copies: the third has two such keys.", earlier=lambda same: _first(same.tril(-1))),
    _mistake("queries-and-keys-exchanged", "Rows and columns have changed places: rows are queries.", _ROW,
             mass=lambda weights, after: (weights.mT * after[:, None]).sum(-1)),
    _mistake("heads-averaged", "The heads are averaged too; one number for each head is wanted.",
             "Print the shape of your result for three heads.",
             over=lambda mass, counted: (mass * counted[:, None]).mean(1).sum() / counted.sum().clamp(min=1)),
    _mistake("mean-of-sequences", "Each sequence is averaged first; every query should count alike.",
             "Try two sequences, in one of which nothing comes again.",
             over=lambda mass, counted: (mass * counted[:, None]).sum(2).div(
                 counted.sum(1).clamp(min=1)[:, None]).mean(0)),
    _mistake("nothing-again-nan", "Where nothing comes again, 0 is divided by 0.",
             "Try four different tokens.",
             over=lambda mass, counted: (mass * counted[:, None]).sum((0, 2)) / counted.sum()),
    _mistake("first-sequence-only", "Only the first sequence is read.", "Try a batch of two.",
             over=lambda mass, counted: (mass * counted[:, None])[0].sum(-1) / counted[0].sum().clamp(min=1)),
    _mistake("added-up", "The weights are added up and not averaged over the queries.",
             "A head that always looks there has the score 1.",
             over=lambda mass, counted: (mass * counted[:, None]).sum((0, 2))),
    _mistake("one-distance-for-all", "The distance at which the first token comes again is taken for all of them.",
             "Try 4 4 5 4 6 5: which keys count for the last query?", _given_period),
)


def _latest(same):
    return same & (same.flip(-1).cumsum(-1).flip(-1) == 1)


def _first(same):
    return same & (same.cumsum(-1) == 1)


def _sized(s):
    import torch

    T = max(3, s.T)
    tokens = torch.randint(3, (s.items, T), generator=torch.Generator().manual_seed(s.seed))
    return tables(*(s.lead or (1,)), s.H, T, s.seed, s.dtype), tokens


BATTERY = Battery(
    sizes=_sized,
    arguments=("weights", "tokens"),
    reference=induction_score,
    without={**reasons.OWN_TOKENS, **reasons.ONE_BATCH, "scores": "weights go in, and no scores", **reasons.PLAIN,
             "one query": "a single token comes never again"},
)

INDUCTION_SCORE = Exercise(
    name="induction_score",
    title="Measure who finds what came next",
    notebook="10_what_heads_learn",
    signature="induction_score(weights, tokens)",
    reference=induction_score,
    arrays="torch",
    returns=(Returns("scores", "(H,)"),),
    cases=_cases,
    probes=(Probe("looking at what followed the same token is 1, looking at itself is 0", _a_perfect_head_has_one),),
    battery=BATTERY,
    stages=score_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("loops", _looped),
        Equivalent("sliced", _sliced),
        Equivalent("selected", _selected),
    ),
    hints=(
        "First a table of True and False: for each query, the earlier keys that hold the same token. Then move it one "
        "place to the right: the key after each of them.",
        "`same = (tokens[:, :, None] == tokens[:, None, :]).tril(-1)` has the shape (B, T, T). For `after`, start with "
        "`torch.zeros_like(same)` and fill `after[:, :, 1:]`. Rows with `after.any(-1)` count.",
        "`after[:, :, 1:] = same[:, :, :-1]`, then `(weights * after[:, None]).sum((0, 2, 3)) / "
        "after.any(-1).sum().clamp(min=1)`.",
    ),
    minutes=14,
    points=2,
)

EXERCISES = (INDUCTION_SCORE,)

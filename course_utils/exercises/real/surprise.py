"""Exercise of notebook 13: how surprised a language model is by each token of a text."""

import math

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded, tensor


def surprise(scores, tokens):
    """The course's own, imported when it is called: PyTorch takes a second."""
    from course_utils.models.language_model import surprise

    return surprise(scores, tokens)


def surprise_by_stages(scores, tokens, *, log=lambda s: s.log_softmax(-1), before=lambda x: x[:, :-1],
                       after=lambda t: t[:, 1:], out=lambda x: -x):
    """The surprise in stages that can be replaced one by one."""
    return out(before(log(scores)).gather(-1, after(tokens)[..., None])[..., 0])


def _tokens(B, T, V, seed):
    import torch

    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(seed))


def _cases():
    third = math.log(3.0)
    return (
        Case((tensor([[[third, 0.0], [0.0, 0.0], [5.0, 5.0]]]), tensor([[1, 0, 1]])),
             note="three tokens of two kinds; the probabilities of place 0 are 3/4 and 1/4"),
        Case((*draw((2, 4, 5), seed=180), _tokens(2, 4, 5, 1)), note="two texts"),
        Case((*draw((1, 2, 3), seed=181), _tokens(1, 2, 3, 2)), note="two tokens"),
        Case((1000 * draw((2, 3, 4), seed=182)[0], _tokens(2, 3, 4, 3)), note="very large scores"),
        Case((draw((2, 3, 4), seed=183)[0] - 200, _tokens(2, 3, 4, 4)), note="very negative scores"),
        Case((*draw((3, 3, 3), seed=184), _tokens(3, 3, 3, 5)), note="all sizes equal"),
    )


# --- properties ---


def _equal_scores_are_a_guess(call):
    import torch

    got = call(torch.zeros(2, 4, 8), _tokens(2, 4, 8, 6))
    if tuple(got.shape) != (2, 3):
        return Broken("there should be one number for each token but the first",
                      f"two texts of four tokens: wanted shape (2, 3), got {tuple(got.shape)}")
    if not (got - math.log(8)).abs().max() < 1e-4:
        return Broken("where all 8 scores are equal, every token should surprise by log 8 = 2.079",
                      f"got {rounded(got[0].detach())}")


def _the_last_scores_do_not_count(call):
    scores, = draw((1, 4, 5), seed=185)
    moved, tokens = scores.clone(), _tokens(1, 4, 5, 7)
    moved[:, -1] += tensor([9.0, 0.0, -9.0, 3.0, 1.0])
    if not (call(scores, tokens) - call(moved, tokens)).abs().max() < 1e-4:
        return Broken("the scores of the last place should not count: nothing comes after it",
                      "other scores at place 3 of four tokens change the result")


# --- right answers in other words ---


def _by_cross_entropy(scores, tokens):
    import torch.nn.functional as F

    return F.cross_entropy(scores[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")


def _by_logsumexp(scores, tokens):
    chosen = scores[:, :-1].gather(2, tokens[:, 1:].unsqueeze(2)).squeeze(2)
    return scores[:, :-1].logsumexp(-1) - chosen


def _looped(scores, tokens):
    import torch

    return torch.stack([torch.stack([-scores[b, t].log_softmax(-1)[tokens[b, t + 1]] for t in range(len(row) - 1)])
                        for b, row in enumerate(tokens)])


def _by_one_hot(scores, tokens):
    import torch

    wanted = torch.nn.functional.one_hot(tokens[:, 1:], scores.shape[-1]).to(scores.dtype)
    return -(torch.log_softmax(scores[:, :-1], dim=-1) * wanted).sum(-1)


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


_SHIFT = "Which place of the scores is about token 1: place 0 or place 1?"
_EQUAL = "Give it equal scores for 8 tokens: log 8 = 2.079 is wanted everywhere."

_MISTAKES = (
    _mistake("not-shifted", "The scores of a place are held against the token of that place; they are about the next.",
             _SHIFT, before=lambda x: x[:, 1:]),
    _mistake("not-shifted-all", "Nothing is shifted: the scores of a place are about the next token.", _SHIFT,
             before=lambda x: x, after=lambda t: t),
    _mistake("shifted-the-other-way", "The scores are held against the token before them.", _SHIFT,
             before=lambda x: x[:, 1:], after=lambda t: t[:, :-1]),
    _mistake("rolled", "The tokens are rolled, so the last place is held against the first token.",
             "Print the shape of your result: (B, T - 1) is wanted.",
             before=lambda x: x, after=lambda t: t.roll(-1, 1)),
    _mistake("last-ones", "Both are cut at the end: the scores of a place are about the next token.", _SHIFT,
             after=lambda t: t[:, :-1]),
    _mistake("sign", "The sign is wrong: the logarithm of a probability is negative, a surprise is not.", _EQUAL,
             out=lambda x: x),
    _mistake("probability", "The probability is given, not its negative logarithm.", _EQUAL, out=lambda x: x.exp()),
    _mistake("one-minus", "1 minus the probability is given, not the negative logarithm.", _EQUAL,
             out=lambda x: 1 - x.exp()),
    _mistake("bits", "The logarithm has base 2; nats are wanted.", _EQUAL, out=lambda x: -x / math.log(2)),
    _mistake("no-softmax", "The score is taken for a logarithm of a probability: there is no softmax.", _EQUAL,
             log=lambda s: s),
    _mistake("no-log", "The softmax is not followed by a logarithm.", _EQUAL, log=lambda s: s.softmax(-1)),
    _mistake("softmax-over-places", "The softmax runs over the places of the text, not over the tokens that can come.",
             "Along which axis do your probabilities sum to 1?", log=lambda s: s.log_softmax(1)),
    _mistake("softmax-over-texts", "The softmax runs over the texts.",
             "Along which axis do your probabilities sum to 1?", log=lambda s: s.log_softmax(0)),
    _mistake("sigmoid", "Each score goes through a sigmoid by itself; tokens should share out a probability of 1.",
             _EQUAL, log=lambda s: s.sigmoid().log()),
    _mistake("overflow", "The exponential of a large score is infinite: the largest score is not subtracted first.",
             "Give it scores of 1000.", log=lambda s: (s.exp() / s.exp().sum(-1, keepdim=True)).log()),
    _mistake("log-of-zero", "A softmax gives 0 for a score far below the others, and the logarithm of 0 is infinite.",
             "Give it scores of 0 and 1000, and print the probabilities.", log=lambda s: s.softmax(-1).log()),
    _mistake("softened", "A small number is added before the logarithm: a very unlikely token surprises too little.",
             "Give it scores of 0 and 1000: a surprise of 1000 is wanted.",
             log=lambda s: (s.softmax(-1) + 1e-9).log()),
    _mistake("likeliest", "The likeliest token is taken, not the one that came.",
             "Change the tokens only: does your result change?",
             lambda scores, tokens: -scores[:, :-1].log_softmax(-1).amax(-1)),
    _mistake("mean", "The mean over all tokens is given; one number for each is wanted.",
             "Print the shape of your result: (B, T - 1) is wanted.", out=lambda x: -x.mean()),
    _mistake("mean-of-a-text", "One mean for each text is given; one number for each token is wanted.",
             "Print the shape of your result: (B, T - 1) is wanted.", out=lambda x: -x.mean(-1)),
    _mistake("sum-of-a-text", "The surprises of a text are added up; one number for each token is wanted.",
             "Print the shape of your result: (B, T - 1) is wanted.", out=lambda x: -x.sum(-1)),
)


def _of_sizes(s):
    lead, T = s.lead or (1,), max(2, s.T)
    return *draw((*lead, T, s.S), seed=s.seed, dtype=s.dtype), _tokens(lead[0], T, s.S, s.seed)


BATTERY = Battery(
    sizes=_of_sizes,
    arguments=("scores", "tokens"),
    reference=surprise,
    without={**reasons.ONE_BATCH, **dict.fromkeys(("one query", "one key"), "with one token none follows, and with "
                                                  "one kind of token nothing can surprise"),
             "scores": "its own cases have very large and very negative scores for 4 tokens",
             "masks": reasons.NO_MASK, "long": reasons.PLAIN["long"], "names": reasons.PLAIN["names"]},
)

SURPRISE = Exercise(
    name="surprise",
    title="Measure how surprised a model is",
    notebook="13_real_models",
    signature="surprise(scores, tokens)",
    reference=surprise,
    arrays="torch",
    returns=(Returns("nats", "(B, T - 1)"),),
    cases=_cases,
    probes=(Probe("equal scores are a guess", _equal_scores_are_a_guess),
            Probe("the last scores do not count", _the_last_scores_do_not_count)),
    battery=BATTERY,
    stages=surprise_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("cross-entropy", _by_cross_entropy),
        Equivalent("logsumexp", _by_logsumexp),
        Equivalent("loops", _looped),
        Equivalent("one-hot", _by_one_hot),
    ),
    hints=(
        "The scores of place t are about token t + 1. So which places of the scores belong to which tokens?",
        "`scores[:, :-1]` and `tokens[:, 1:]` belong together. `log_softmax(-1)` makes logarithms of probabilities, "
        "and `.gather(-1, index)` picks one of each row; its index needs an axis more: `tokens[:, 1:, None]`.",
        "`logs = scores[:, :-1].log_softmax(-1)`, then `return -logs.gather(-1, tokens[:, 1:, None])[..., 0]`.",
    ),
    minutes=10,
    points=2,
)

EXERCISES = (SURPRISE,)

"""Exercise of notebook 06: self-attention whose matrices are written by hand, so that nouns find articles."""

import math

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.loops import attend_in_loops
from course_utils.exercises.families.projected import ATTENTION_MISTAKES, lone, mistake, projected_attention
from course_utils.exercises.families.shared import rounded, tensor

# One row a kind of word; columns: article, colour, noun, verb, alive.
KINDS = {"the": [1, 0, 0, 0, 0], "brown": [0, 1, 0, 0, 0], "dog": [0, 0, 1, 0, 1], "found": [0, 0, 0, 1, 0],
         "bone": [0, 0, 1, 0, 0]}
_SCORE = 8.0  # of a noun for an article


def sentence(words):
    """Make the tokens (T, 5) of a sentence."""
    return tensor([[float(n) for n in KINDS[word]] for word in words.split()])


def find_articles(x):
    """Let every noun of x (..., T, 5) look for articles: output (..., T, 1), weights (..., T, T)."""
    return find_articles_by_stages(x)


def _column(numbers):
    return tensor([[float(n)] for n in numbers])


def find_articles_by_stages(x, *, looks=(0, 0, _SCORE, 0, 0), found=(1, 0, 0, 0, 0), hands=(1, 0, 0, 0, 0), **changes):
    """The same in stages that can be replaced one by one; d_k = 1, so the three matrices are columns."""
    return projected_attention(x, x, _column(looks), _column(found), _column(hands), project=lambda x, W: x @ W,
                               **changes)


def _drawn(sizes):
    import torch

    generator = torch.Generator().manual_seed(sizes.seed)
    kinds = torch.randint(len(KINDS), (*sizes.lead, sizes.T), generator=generator)
    return (tensor([[float(n) for n in kind] for kind in KINDS.values()])[kinds],)


def _cases():
    import torch

    six = sentence("the brown dog found the bone")
    return (
        Case((sentence("the dog found bone"),), note="the dog found bone"),
        Case((six,), note="the sentence of the text"),
        Case((sentence("the brown found"),), note="no noun"),
        Case((sentence("dog found brown bone"),), note="no article"),
        Case((torch.stack([six, six[[4, 5, 3, 0, 1, 2]]]),), note="two sentences"),
    )


# --- properties ---


def _rows_sum_to_one(call):
    _, weights = call(sentence("the brown dog found"))
    sums = weights.sum(-1)
    if tuple(weights.shape) != (4, 4) or not (sums - 1).abs().max() < 1e-4:
        return Broken("the weights of each word should sum to 1 over all words",
                      f"four words: shape {tuple(weights.shape)}, the rows sum to {rounded(sums)}")


def _nouns_find_articles(call):
    _, weights = call(sentence("the dog brown bone"))
    for i, word in ((1, "dog"), (3, "bone")):
        found = float((weights[i, 0] / weights[i, 2]).log())
        if not abs(found - _SCORE) < 1e-2:
            return Broken("the score of a noun for an article should be 8 larger than for another word",
                          f"the dog brown bone: log(weight of `the` / weight of `brown`) for {word} is {found:.2f}")


def _others_look_for_nothing(call):
    weights = call(sentence("the brown dog found"))[1]
    for i, word in ((0, "the"), (1, "brown"), (3, "found")):
        if not (weights[i] - 0.25).abs().max() < 1e-4:
            return Broken("a word that is no noun should give every word the same weight",
                          f"the brown dog found: {word} gives {rounded(weights[i])}")


def _articles_hand_on_one(call):
    output, weights = call(sentence("the brown dog found the bone"))
    wanted = weights[:, [0, 4]].sum(-1, keepdim=True)
    if output.shape != wanted.shape or not (output - wanted).abs().max() < 1e-4:
        return Broken("the output of a word should be the weight that it gives to articles",
                      f"shape {tuple(output.shape)}, wanted {tuple(wanted.shape)}" if output.shape != wanted.shape else
                      f"bone gives articles {float(wanted[5]):.3f}, its output is {float(output[5]):.3f}")


def _no_word_has_a_place(call):
    x, order = sentence("the brown dog found"), [3, 1, 0, 2]
    before, after = call(x)[1], call(x[order])[1]
    if not (before[order][:, order] - after).abs().max() < 1e-4:
        return Broken("words in another order should have the same weights, in that order",
                      f"dog gives {rounded(before[2])}; last in the sentence, {rounded(after[3])}")


# --- right answers in other words ---


def _three_wide(x):
    import torch

    W_q, W_k = torch.zeros(5, 3), torch.zeros(5, 3)
    W_q[2, 0], W_k[0, 0] = _SCORE * math.sqrt(3), 1.0
    return scaled_dot_product_attention(x @ W_q, x @ W_k, x[..., :1])


def _key_carries_the_eight(x):
    W = tensor([[8.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    return scaled_dot_product_attention(x @ W[:, 1:], x @ W[:, :1], x @ W[:, :1] / 8)


def _five_by_five(x):
    import torch

    W = torch.zeros(5, 5)
    W[2, 0] = _SCORE
    weights = (x @ W @ x.mT).softmax(-1)
    return weights @ x[..., :1], weights


# --- wrong answers ---


def _the_text_s_sentence(x):
    return find_articles(sentence("the brown dog found the bone"))


def _nearest_article(x):
    import torch

    scores = _SCORE * x[..., 2:3] * x[..., :1].mT
    T = x.shape[-2]
    nearest = torch.zeros(scores.shape, dtype=torch.bool)
    for i in range(T):
        for j in range(i + 1):
            nearest[..., i, j] = x[..., j, 0].bool() & ~(x[..., j + 1:i + 1, 0] > 0).any(-1)
    weights = scores.masked_fill(~nearest, 0.0).softmax(-1)
    return weights @ x[..., :1], weights


def _first_item_only(x):
    while x.ndim > 2:
        x = x[0]
    return find_articles(x)


def _too_small(width):
    return lambda x: find_articles_by_stages(x, looks=(0, 0, _SCORE / math.sqrt(width), 0, 0))


_SHARED = ("causal", "own-place-hidden", "softmax-over-the-queries", "softmax-over-axis-0", "softmax-over-the-table",
           "no-softmax", "scores-for-weights", "results-swapped", "output-only", "mean-over-the-queries")

_MISTAKES = (
    mistake("every-word-looks", "Every word looks for articles; verbs, colours and articles should look for nothing.",
            "Read your W_q row by row: what is the query of *found*?", looks=(_SCORE, _SCORE, _SCORE, _SCORE, 0)),
    mistake("alive-looks-too", "The query of a noun that is alive is twice as large: *dog* has a 1 in two columns.",
            "Print `x[2] @ W_q` and `x[5] @ W_q`.", looks=(0, 0, _SCORE, 0, _SCORE)),
    mistake("articles-look-for-nouns", "The matrices stand the wrong way round: articles look for nouns.",
            "Print the query of *bone*: W_q says who looks, W_k who is found.",
            looks=(_SCORE, 0, 0, 0, 0), found=(0, 0, 1, 0, 0)),
    mistake("nouns-find-nouns", "Nouns are found as well as articles.", "Print `x @ W_k`: which words have a key?",
            found=(1, 0, 1, 0, 0)),
    mistake("nouns-find-colours", "Nouns look for colours, as with the matrices of the text.",
            "Print `x @ W_k`: which words have a key?", found=(0, 1, 0, 0, 0)),
    mistake("nouns-find-nouns-only", "Nouns look for nouns: W_k has the row of W_q.",
            "Print `x @ W_k`: which words have a key?", found=(0, 0, 1, 0, 0)),
    mistake("everything-is-found", "Every word has the same key, so nothing is preferred.",
            "Print `x @ W_k`: which words have a key?", found=(1, 1, 1, 1, 0)),
    mistake("articles-avoided", "The score of a noun for an article is -8: articles are avoided.",
            "Which sign has the product of a query and a key?", found=(-1, 0, 0, 0, 0)),
    mistake("one-for-eight", "The score of a noun for an article is 1, not 8.",
            "Multiply the query of *bone* by the key of *a*, and divide by the root of d_k.", looks=(0, 0, 1, 0, 0)),
    mistake("three-for-eight", "The score of a noun for an article is 3, as in the matrices of the text, not 8.",
            "Multiply the query of *bone* by the key of *a*, and divide by the root of d_k.", looks=(0, 0, 3, 0, 0)),
    mistake("eight-times-eight", "8 stands in W_q and in W_k, so the product is 64.",
            "Multiply the query of *bone* by the key of *a*, and divide by the root of d_k.",
            looks=(0, 0, _SCORE**2, 0, 0)),
    mistake("nouns-hand-on", "The values say which words are nouns; articles should hand on 1.",
            "Print `x @ W_v` beside the words.", hands=(0, 0, 1, 0, 0)),
    mistake("everybody-hands-on", "Every word hands on 1, so every output is 1.",
            "Print `x @ W_v` beside the words.", hands=(1, 1, 1, 1, 0)),
    mistake("eight-handed-on", "Articles hand on 8 in place of 1.", "Print `x @ W_v` beside the words.",
            hands=(_SCORE, 0, 0, 0, 0)),
    mistake("words-handed-on", "The values are x itself, five numbers a word; one is asked for.",
            "Print the shape of your output beside (T, 1).", values=lambda p, x, c, W_q, W_k, W_v: x),
    mistake("nothing-projected", "x itself is used for queries, keys and values.",
            "Compare your weights with the first table of Section 6.1.",
            lambda x: scaled_dot_product_attention(x, x, x)),
    mistake("nearest-article", "Each noun finds the article before it; but no word knows its place, and equal rows of "
            "x get equal weights.", "Compare `x[0]` and `x[4]`.", _nearest_article),
    mistake("the-text-s-sentence", "The result belongs to the sentence of the text, whatever x is.",
            "Call your function with `x[:3]` and print the shape of the weights.", _the_text_s_sentence),
    mistake("first-item-only", "Only the first item of the batch is computed.",
            "Print the shape of the output for a batch of 2.", _first_item_only),
    *lone((m for m in ATTENTION_MISTAKES if m.name in _SHARED), find_articles_by_stages),
)


_ROOT_FORGOTTEN = Mistake(
    "root-not-made-up-for", "The scores are divided by sqrt(d_k), so a product of 8 is a score of less.",
    "Print d_k, the number of columns of your W_q, and 8 divided by its root.", _too_small(3),
    variants=tuple(map(_too_small, (2, 4, 5))))

BATTERY = Battery(
    sizes=_drawn,
    without={"scores": "the text fixes the scores: 8 and 0", "gradients": "words go in, and no matrix that learns",
             "float64": "the answer makes its own matrices, of the usual floats", **reasons.OWN_TOKENS,
             **reasons.PLAIN},
)

FIND_ARTICLES = Exercise(
    name="find_articles",
    title="Write matrices with which nouns find articles",
    notebook="06_self_and_cross_attention",
    signature="find_articles(x)",
    reference=find_articles,
    arrays="torch",
    returns=(Returns("output", "(..., T, 1)"), Returns("weights", "(..., T, T)")),
    cases=_cases,
    probes=(
        Probe("each word shares out weights that sum to 1", _rows_sum_to_one),
        Probe("the score of a noun for an article is 8", _nouns_find_articles),
        Probe("a word that is no noun looks for nothing", _others_look_for_nothing),
        Probe("the output is the weight on articles", _articles_hand_on_one),
        Probe("no word has a place", _no_word_has_a_place),
    ),
    battery=BATTERY,
    stages=find_articles_by_stages,
    mistakes=(*_MISTAKES, _ROOT_FORGOTTEN),
    equivalents=(
        Equivalent("loops", lambda x: attend_in_loops(_SCORE * x[..., 2:3], x[..., :1], x[..., :1])),
        Equivalent("three-columns", _three_wide),
        Equivalent("the-key-carries-the-eight", _key_carries_the_eight),
        Equivalent("one-matrix-of-scores", _five_by_five),
    ),
    hints=(
        "Row 2 of W_q says what a noun looks for, row 0 of W_k what an article is found by. Which other rows are 0?",
        "One column is enough: d_k = 1, and its root divides by 1. With more columns, the product of query and key has "
        "to be 8 times the root of d_k.",
        "`W_q[2] = 8`, `W_k[0] = 1`, `W_v[0] = 1`, all else 0, each of shape (5, 1); then `attend(x @ W_q, x @ W_k, "
        "x @ W_v)`.",
    ),
    minutes=8,
    points=2,
)

EXERCISES = (FIND_ARTICLES,)

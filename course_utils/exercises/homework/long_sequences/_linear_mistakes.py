"""Wrong answers to linear attention."""

import math

from course_utils.exercises.families.projected import mistake as _wrong
from course_utils.exercises.homework.long_sequences.forms import by_table, feature

__all__ = ["MISTAKES"]


def _mapped(phi_q, phi_k=None):
    """A change of the feature map, for q and k alike or for each of them."""
    return lambda q, k: (phi_q(q), (phi_k or phi_q)(k))


def _as_it_is(x):
    return x


# --- wrong answers: sums ---


def _no_table(weights, v, table):
    return weights @ v


def _over_all_keys(weights, v, table):
    return weights @ v / table.sum(dim=-1, keepdim=True)


def _over_the_queries(weights, v, table):
    return weights / weights.sum(dim=-2, keepdim=True) @ v


def _all_values_in(weights, v, table):
    return table @ v / weights.sum(dim=-1, keepdim=True)


def _counted(weights, v, table):
    import torch

    return weights @ v / torch.arange(1, v.shape[-2] + 1, dtype=v.dtype)[:, None]


def _through_softmax(weights, v, table):
    import torch

    seen = torch.ones(table.shape[-2:], dtype=torch.bool).tril()
    return table.masked_fill(~seen, -math.inf).softmax(-1) @ v


def _softmax_of_zeros(weights, v, table):
    return weights.softmax(-1) @ v


def _mean_of_values(q, k, v):
    import torch

    return v.cumsum(-2) / torch.arange(1, v.shape[-2] + 1, dtype=v.dtype)[:, None]


def _softmax_attention(q, k, v):
    import torch

    seen = torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool).tril()
    scores = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).masked_fill(~seen, -math.inf)
    return scores.softmax(-1) @ v


def _row_sums_without_an_axis(weights, v, table):
    return weights @ v / weights.sum(dim=-1)


def _denominator_along_the_numbers(q, k, v):
    phi_q, phi_k = feature(q), feature(k)
    return (phi_q @ phi_k.transpose(-2, -1)).tril() @ v / (phi_q * phi_k.cumsum(-1)).sum(-1, keepdim=True)


def _hidden_by_minus_infinity(weights):
    import torch

    return weights.masked_fill(torch.ones(weights.shape[-2:], dtype=torch.bool).triu(1), -math.inf)


def _without_itself_from_0(weights, v, table):
    return weights @ v / (weights.sum(dim=-1, keepdim=True) + 1e-6)


def _last_token_only(q, k, v):
    return by_table(q, k, v)[..., -1:, :].expand_as(v).clone()


# --- wrong answers: axes ---


def _flat(q, k, v):
    out = by_table(*(x.reshape(-1, x.shape[-1]) for x in (q, k, v)))
    return out.reshape(v.shape)


def _summed_along(of_state, of_total):
    """Running sums along axes of which one at least is counted from the front."""
    def answer(q, k, v):
        phi_q, phi_k = feature(q), feature(k)
        state = (phi_k[..., :, None] * v[..., None, :]).cumsum(of_state)
        total = phi_k.cumsum(of_total)
        return (phi_q[..., None, :] @ state)[..., 0, :] / (phi_q * total).sum(-1, keepdim=True)

    return answer


def _three_axes(q, k, v):
    _B, _T, _D = q.shape
    return by_table(q, k, v)


def _three_axes_by_einsum(q, k, v):
    import torch

    weights = torch.einsum("btd,bsd->bts", feature(q), feature(k)).tril()
    return torch.einsum("bts,bsv->btv", weights, v) / weights.sum(-1, keepdim=True)


def _four_axes(q, k, v):
    _B, _H, _T, _D = q.shape
    return by_table(q, k, v)


def _two_axes(q, k, v):
    _T, _D = q.shape
    return by_table(q, k, v)


def _first_axis_looped(q, k, v):
    import torch

    return torch.stack([_two_axes_summed(*item) for item in zip(q, k, v)])


def _two_axes_summed(q, k, v):
    import torch

    phi_q, phi_k = feature(q), feature(k)
    rows = [(phi_q[i] @ phi_k[:i + 1].T) @ v[:i + 1] / (phi_q[i] @ phi_k[:i + 1].T).sum() for i in range(len(q))]
    return torch.stack(rows)


def _both_in_place(q, k, v):
    import torch

    return by_table(torch.nn.functional.elu(q, inplace=True), torch.nn.functional.elu(k, inplace=True), v,
                    features=lambda q, k: (q + 1, k + 1))


def _in_place(q, k, v):
    k.clamp_(min=0).add_(1)
    return by_table(q, k, v)


MISTAKES = (
    _wrong("elu-without-1", "The 1 is missing: elu alone goes down to -1, so weights become negative and their sum can "
           "pass through 0.", "Print the smallest number of your feature map.",
           features=_mapped(lambda x: feature(x) - 1)),
    _wrong("relu-plus-1", "The feature map is relu(x) + 1: all negative numbers become the same.",
           "Print your feature map of -1 and of -3: elu(x) + 1 tells them apart.",
           features=_mapped(lambda x: x.clamp(min=0) + 1)),
    _wrong("relu", "The feature map is relu, which throws all negative numbers away.",
           "Print your feature map of -1, 0 and 2.", features=_mapped(lambda x: x.clamp(min=0))),
    _wrong("exp", "The feature map is exp(x) everywhere; above 0, elu(x) + 1 is x + 1.",
           "Print your feature map of 0, 1 and 2: the steps should be equal.", features=_mapped(lambda x: x.exp())),
    _wrong("no-feature-map", "q and k are multiplied as they are, without the feature map.",
           "Print the weights of one token: is any of them negative?", features=_mapped(_as_it_is)),
    _wrong("map-on-q-only", "The feature map is applied to q and not to k.",
           "Print the weights of one token when all keys are negative.", features=_mapped(feature, _as_it_is)),
    _wrong("map-on-k-only", "The feature map is applied to k and not to q.",
           "Print the weights of a token whose query is negative.", features=_mapped(_as_it_is, feature)),
    _wrong("1-inside", "The 1 is added inside, elu(x + 1); it belongs outside, elu(x) + 1.",
           "Compute your feature map of -1 by hand.", features=_mapped(lambda x: feature(x + 1) - 1)),
    _wrong("no-1-above-0", "Above 0 the feature map is x; elu(x) + 1 is x + 1 there.",
           "Compare your feature map a little below 0 and a little above 0: it should not jump.",
           features=_mapped(lambda x: x.where(x > 0, x.exp()))),
    _wrong("wrong-branch", "exp is used for x above 0 and x + 1 below it: the two are exchanged.",
           "Print your feature map of -2 and of 2.", features=_mapped(lambda x: x.exp().where(x > 0, x + 1))),
    _wrong("softmax-as-feature-map", "q and k go through a softmax, not through elu(x) + 1.",
           "Compute elu(x) + 1 of [0, 2] by hand and print yours.", features=_mapped(lambda x: x.softmax(-1))),
    _wrong("sigmoid", "The feature map is a sigmoid, which never exceeds 1.",
           "Print your feature map of 2: elu(2) + 1 is 3.", features=_mapped(lambda x: x.sigmoid())),
    _wrong("softplus", "The feature map is softplus, log(1 + exp(x)); it is close to elu(x) + 1 for large x only.",
           "Print your feature map of 0: elu(0) + 1 is 1.", features=_mapped(lambda x: (1 + x.exp()).log())),
    _wrong("scaled-first", "q is divided by the square root of D before the feature map; there is no such factor here.",
           "Print phi(q) for the query [-1, 2].",
           features=_mapped(lambda q: feature(q / math.sqrt(q.shape[-1])), feature)),
    _wrong("both-scaled-first", "q and k are scaled before the feature map; there is no such factor here.",
           "Print phi(q) for the query [-1, 2].", features=_mapped(lambda x: feature(x / x.shape[-1] ** 0.25))),
    _wrong("q-and-k-exchanged", "q and k are exchanged: token i compares its key with the queries of others.",
           "Change one query and look which rows of your output move.",
           compare=lambda phi_q, phi_k: phi_k @ phi_q.transpose(-2, -1)),
    _wrong("map-after-the-product", "The feature map is applied to the products q . k, not to q and to k: then no "
           "running sum can replace the table.", "Where does your code compute phi(q_i), before it has met any key?",
           features=_mapped(_as_it_is), compare=lambda q, k: feature(q @ k.transpose(-2, -1))),
    _wrong("sees-everything", "Every token attends to all others; it should stop at itself.",
           "Change the last token and look which rows of your output move.", cover=lambda w: w),
    _wrong("not-itself", "A token attends only to those before it; it should see itself too.",
           "Print the first row of your output: what is it divided by?", cover=lambda w: w.tril(-1)),
    _wrong("not-itself-from-0", "A token attends only to those before it, so the first one gets nothing; it should see "
           "itself too.", "Print the first row of your output beside that of v.", lambda q, k, v: by_table(
               q, k, v, cover=lambda w: w.tril(-1), average=_without_itself_from_0)),
    _wrong("minus-infinity-as-weight", "Later tokens get the weight -inf. That hides scores before a softmax; these "
           "are weights already.", "Which weight takes a value out of a sum?", cover=_hidden_by_minus_infinity),
    _wrong("one-token-ahead", "A token also sees the one after it.",
           "Change the last token and look which rows of your output move.", cover=lambda w: w.tril(1)),
    _wrong("the-future", "A token attends to itself and to what comes after it; it should look back.",
           "Print the first and the last row of your output beside those of v.", cover=lambda w: w.triu()),
    _wrong("not-divided", "The weighted values are summed and not divided by the sum of the weights.",
           "Set every value to 1 and print your output.", average=_no_table),
    _wrong("divided-by-all", "The values are summed up to token i, the weights over the whole sequence.",
           "Set every value to 1 and print your output.", average=_over_all_keys),
    _wrong("values-of-all", "The weights are summed up to token i, the values over the whole sequence.",
           "Set every value to 1 and print your output.", average=_all_values_in),
    _wrong("divided-by-the-count", "The sum is divided by how many tokens there are so far, not by their weights.",
           "Set every value to 1 and print your output.", average=_counted),
    _wrong("divided-along-the-queries", "The weights of a key sum to 1; those of a query should.",
           "Set every value to 1 and print your output.", average=_over_the_queries),
    _wrong("sums-without-an-axis", "The sums of the weights have lost an axis, so they divide along the wrong one.",
           "Print the shapes of what you divide and of what you divide by.", average=_row_sums_without_an_axis),
    _wrong("denominator-along-the-numbers", "The sum of phi(k) runs along the numbers of a key, not along the tokens.",
           "Which axis of phi(k) holds the tokens, counted from the back?", _denominator_along_the_numbers),
    _wrong("divided-by-d", "The weights are divided by the square root of D and not by their sum.",
           "Set every value to 1 and print your output.", function=lambda q, k, v: by_table(
               q, k, v, average=lambda w, v, t: w @ v / math.sqrt(q.shape[-1]))),
    _wrong("softmax-on-top", "The products of the features go through a softmax; they are weights already, once they "
           "are divided by their sum.", "Where does an exp come in, if the weights are phi(q) . phi(k) over their sum?",
           average=_through_softmax),
    _wrong("softmax-over-zeros", "A softmax runs over weights in which later tokens are 0, and exp(0) is 1.",
           "Change the last token and look which rows of your output move.", average=_softmax_of_zeros),
    _wrong("softmax-attention", "This is softmax attention; here phi(q) . phi(k) takes the place of its exponential.",
           "Where do you use elu?", _softmax_attention),
    _wrong("mean-of-values", "Every token so far gets the same weight: q and k are not used.",
           "Change a key and look whether your output moves.", _mean_of_values),
    _wrong("keys-averaged", "The keys are averaged in place of the values.",
           "Change v: does your output move?", lambda q, k, v: by_table(q, k, k)),
    _wrong("last-row-for-all", "All tokens get the output of the last one: the sums are not kept on the way.",
           "Print two rows of your output.", _last_token_only),
    _wrong("returned-transposed", "The last two axes of the result are exchanged.",
           "Print the shapes of v and of your result.", give=lambda out: out.transpose(-2, -1)),
    _wrong("written-into-k", "The feature map is applied in place, which changes the tensor of the caller.",
           "Print k before and after the call.", _in_place),
    _wrong("written-into-q-and-k", "The feature map is applied in place, which changes the tensors of the caller.",
           "Print q and k before and after the call.", _both_in_place),
    _wrong("sums-along-the-batch", "The running sums go along the first axis, from item to item of the batch.",
           "Change item 0 of a batch of 2: does the output of item 1 move?", _summed_along(0, 0)),
    _wrong("sums-go-on-through-the-batch", "The sums go on from item to item: each should begin at 0.",
           "Change item 0 of a batch of 2: does the output of item 1 move?", _flat),
    _wrong("sums-along-axis-1", "The sums run along axis 1 counted from the front, which holds the tokens only when "
           "there is one axis before them.", "For a tensor of shape (2, 3, 5, 4), which axis is 1, and which is -2?",
           _summed_along(1, 1)),
    _wrong("state-along-axis-1", "The sum of phi(k) v runs along axis 1 counted from the front, which holds the tokens "
           "only when there is one axis before them.", "For a tensor of shape (2, 3, 5, 4), which axis is 1?",
           _summed_along(1, -2)),
    _wrong("denominator-along-axis-1", "The sum of phi(k) runs along axis 1 counted from the front, which holds the "
           "tokens only when there is one axis before them.", "For a tensor of shape (2, 3, 5, 4), which axis is 1?",
           _summed_along(-3, 1)),
    _wrong("axes-1-and-2-exchanged", "Axes 1 and 2, counted from the front, are exchanged; they hold tokens and "
           "numbers only when one axis is before them.", "Which axes are the last two of shape (2, 3, 5, 4)?",
           lambda q, k, v: by_table(q, k, v, compare=lambda a, b: a @ b.transpose(1, 2))),
    _wrong("all-axes-exchanged", "`.T` turns all axes round; only the last two should change places.",
           "Print k.T.shape for k of shape (2, 4, 3).", lambda q, k, v: by_table(
               q, k, v, compare=lambda a, b: a @ b.permute(*range(b.ndim - 1, -1, -1)))),
    _wrong("two-axes-only", "It wants exactly two axes, and `...` stands for any number in front.",
           "Call it on tensors of shape (1, 4, 3).", _two_axes),
    _wrong("three-axes-only", "It wants exactly three axes, and `...` stands for any number in front.",
           "Call it on tensors of shape (4, 3).", _three_axes),
    _wrong("three-axes-by-einsum", "Its einsum names three axes, and `...` stands for any number in front.",
           "Call it on tensors of shape (4, 3).", _three_axes_by_einsum),
    _wrong("four-axes-only", "It wants exactly four axes, and `...` stands for any number in front.",
           "Call it on tensors of shape (1, 4, 3).", _four_axes),
    _wrong("items-of-the-first-axis", "It loops over the first axis and takes what is left for tokens and numbers, "
           "which holds only for three axes.", "Call it on tensors of shape (2, 3, 5, 4).", _first_axis_looped),
)

"""Right multi-head modules in other words; no exercise lives here. PyTorch is imported when one is built."""

import math

from course_utils.checks import Equivalent
from course_utils.exercises.families.loops import attend_in_loops, heads_in_loops, merged_in_loops

__all__ = ["EQUIVALENTS"]


def _module(forward):
    """A class, as a learner would write it, around a forward."""

    def build(d_model, n_heads, bias=True):
        from torch import nn

        if d_model % n_heads:
            raise ValueError("heads")

        class Answer(nn.Module):
            def __init__(self):
                super().__init__()
                self.n_heads = n_heads
                for name in ("W_q", "W_k", "W_v", "W_o"):
                    setattr(self, name, nn.Linear(d_model, d_model, bias=bias))

            def forward(self, x, context=None, mask=None):
                return forward(self, x, x if context is None else context, mask)

        return Answer()

    return build


def _loop_over_heads(m, x, context, mask):
    import torch

    q, k, v = m.W_q(x), m.W_k(context), m.W_v(context)
    d_k, outputs, weights = q.shape[-1] // m.n_heads, [], []
    for h in range(m.n_heads):
        part = slice(h * d_k, (h + 1) * d_k)
        scores = torch.bmm(q[..., part], k[..., part].transpose(1, 2)) / d_k**0.5
        if mask is not None:
            full = mask.expand(x.shape[0], m.n_heads, *scores.shape[1:])
            scores = torch.where(full[:, h], scores, torch.tensor(-1e9))
        weights.append(scores.softmax(-1) if mask is None else scores.softmax(-1) * full[:, h])
        outputs.append(weights[-1] @ v[..., part])
    return m.W_o(torch.cat(outputs, -1)), torch.stack(weights, 1)


def _einsum(m, x, context, mask):
    import torch

    D = x.shape[-1]
    q, k, v = (w(y).unflatten(-1, (m.n_heads, -1)) for w, y in ((m.W_q, x), (m.W_k, context), (m.W_v, context)))
    scores = torch.einsum("bthd,bshd->bhts", q, k) * (D // m.n_heads) ** -0.5
    if mask is not None:
        scores = scores.masked_fill(mask.logical_not(), torch.finfo(x.dtype).min)
    weights = torch.exp(scores - scores.logsumexp(-1, keepdim=True)) * (1 if mask is None else mask)
    return m.W_o(torch.einsum("bhts,bshd->bthd", weights, v).flatten(2)), weights


def _with_torch_attention(m, x, context, mask):
    import torch
    import torch.nn.functional as F

    def heads(y):
        return torch.stack(y.chunk(m.n_heads, dim=-1), dim=1)

    q, k, v = heads(m.W_q(x)), heads(m.W_k(context)), heads(m.W_v(context))
    output = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    places = torch.eye(k.shape[2]).expand(*k.shape[:2], -1, -1)
    weights = F.scaled_dot_product_attention(q, k, places, attn_mask=mask)
    return m.W_o(torch.cat(output.unbind(1), dim=-1)), weights


def _query_scaled_first(m, x, context, mask):
    import torch

    B, T, D = x.shape
    d_k = D // m.n_heads
    q = (m.W_q(x) / d_k**0.5).view(B, T, m.n_heads, d_k).permute(0, 2, 1, 3)
    k = m.W_k(context).view(B, -1, m.n_heads, d_k).permute(0, 2, 3, 1)
    v = m.W_v(context).view(B, -1, m.n_heads, d_k).permute(0, 2, 1, 3)
    scores = q @ k
    if mask is not None:
        scores = torch.where(mask, scores, -math.inf)
    weights = scores.softmax(-1).nan_to_num(0.0)  # `where` lets no gradient through, so no NaN either
    return m.W_o(torch.matmul(weights, v).permute(0, 2, 1, 3).contiguous().view(B, T, D)), weights


def _folded_into_the_batch(m, x, context, mask):
    B, T, D = x.shape
    S, H = context.shape[1], m.n_heads

    def fold(y):
        return y.reshape(B, -1, H, D // H).transpose(1, 2).reshape(B * H, -1, D // H)

    scores = fold(m.W_q(x)) @ fold(m.W_k(context)).mT / (D / H) ** 0.5
    scores = scores.reshape(B, H, T, S)
    if mask is not None:
        scores = scores.masked_fill(mask == 0, -1e30)
    weights = scores.softmax(-1) if mask is None else scores.softmax(-1).masked_fill(mask == 0, 0.0)
    heads = weights.reshape(B * H, T, S) @ fold(m.W_v(context))
    return m.W_o(heads.reshape(B, H, T, -1).transpose(1, 2).reshape(B, T, D)), weights


def _list_of_results(m, x, context, mask):
    return list(_einsum(m, x, context, mask))


def _loops(m, x, context, mask):
    q, k, v = (heads_in_loops(y, m.n_heads) for y in (m.W_q(x), m.W_k(context), m.W_v(context)))
    output, weights = attend_in_loops(q, k, v, mask)
    return m.W_o(merged_in_loops(output)), weights


EQUIVALENTS = (
    Equivalent("loops", _module(_loops)),
    Equivalent("loop-over-heads", _module(_loop_over_heads)),
    Equivalent("einsum", _module(_einsum)),
    Equivalent("torch-attention", _module(_with_torch_attention)),
    Equivalent("query-scaled-first", _module(_query_scaled_first)),
    Equivalent("folded-into-the-batch", _module(_folded_into_the_batch)),
    Equivalent("list-of-results", _module(_list_of_results)),
)

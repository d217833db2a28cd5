"""A multi-head module in stages that can be replaced one by one. PyTorch is imported when one is built."""

import math

__all__ = ["masked_softmax", "module_by_stages", "project_all", "side_by_side"]


def module_by_stages(d_model, n_heads, bias=True, **stages):
    """Build a right module, or one with some stages replaced."""
    import torch
    from torch import nn

    stages = {**_STAGES, **stages}
    if stages["refuse"] and d_model % n_heads:
        raise ValueError(f"n_heads should divide d_model={d_model}, got {n_heads}")

    class Unset(nn.Linear):
        """A layer whose numbers are given later: to draw them takes longer than all the rest of a call."""

        def reset_parameters(self):
            pass

    class Staged(nn.Module):
        def __init__(self):
            super().__init__()
            with_bias = bias if stages["ask_bias"] else True
            layer = Unset if with_bias == bias else nn.Linear  # a bias that should not be there is not set later
            for name in ("W_q", "W_k", "W_v", "W_o"):
                setattr(self, name, layer(d_model, d_model, bias=with_bias))

        def forward(self, x, context=None, mask=None):
            context = x if context is None else context
            q_from, k_from, v_from = stages["sources"](x, context)
            q, k, v = (stages["split"](y, n_heads) for y in stages["project"](self, q_from, k_from, v_from))
            scores = q @ k.transpose(-2, -1) / stages["divisor"](q, d_model)
            weights = stages["normalise"](torch, scores, None if mask is None else stages["read"](mask))
            heads = weights @ v
            output = stages["finish"](self, stages["merge"](heads, heads.shape[2])) + stages["beside"](x)
            if mask is not None:
                scores = scores.masked_fill(~mask, -math.inf)
            return stages["answer"](output, weights, scores)

    return Staged()


def _split(x, n_heads):
    B, T, d_model = x.shape
    return x.reshape(B, T, n_heads, d_model // n_heads).transpose(1, 2)


def project_all(module, q, k, v):
    return module.W_q(q), module.W_k(k), module.W_v(v)


def masked_softmax(torch, scores, mask):
    if mask is None:
        return torch.softmax(scores, dim=-1)
    nobody = ~mask.any(dim=-1, keepdim=True)
    scores = scores.masked_fill(~mask, -math.inf).masked_fill(nobody, 0.0)
    return torch.softmax(scores, dim=-1).masked_fill(nobody, 0.0)


def side_by_side(heads, T):
    return heads.transpose(1, 2).reshape(heads.shape[0], T, -1)


_STAGES = {
    "refuse": True,
    "ask_bias": True,
    "sources": lambda x, context: (x, context, context),
    "split": _split,
    "project": project_all,
    "divisor": lambda q, d_model: math.sqrt(q.shape[-1]),
    "read": lambda mask: mask,
    "normalise": masked_softmax,
    "merge": side_by_side,
    "finish": lambda module, merged: module.W_o(merged),
    "beside": lambda x: 0,
    "answer": lambda output, weights, scores: (output, weights),
}

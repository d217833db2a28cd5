"""Masked multi-head attention: the module that notebooks 07 and 08 build, whole.

Letters as in `course_utils.attention`; besides, ``B`` sequences in a batch, ``H`` heads, and
``d_k = d_model // H``. It stands apart from `attention` so that the early notebooks, which need
NumPy only, do not wait for PyTorch.
"""

import torch
from torch import nn

from course_utils.attention import scaled_dot_product_attention
from course_utils.shapes import check_shape, check_whole

__all__ = ["MultiHeadAttention", "merge_heads", "split_heads"]


def split_heads(x, n_heads):
    """Cut the features of each position into heads.

    Parameters
    ----------
    x : Tensor, shape (B, T, d_model)
    n_heads : int
        Number of heads H; has to divide d_model.

    Returns
    -------
    Tensor, shape (B, H, T, d_k)
        Head h holds the features h * d_k to (h + 1) * d_k of every position.

    Raises
    ------
    ValueError
        If `x` has another number of axes or the heads do not divide d_model.

    Examples
    --------
    >>> split_heads(torch.zeros(2, 5, 12), 3).shape
    torch.Size([2, 3, 5, 4])
    """
    sizes = check_shape("x", x, "B T d_model")
    d_k = _head_width(sizes["d_model"], n_heads)
    # The features are cut first; only then may heads and positions change places.
    return x.reshape(sizes["B"], sizes["T"], n_heads, d_k).transpose(1, 2)


def merge_heads(x):
    """Put the heads of each position side by side again; undoes `split_heads`.

    Parameters
    ----------
    x : Tensor, shape (B, H, T, d_k)

    Returns
    -------
    Tensor, shape (B, T, H * d_k)

    Raises
    ------
    ValueError
        If `x` has another number of axes.

    Examples
    --------
    >>> merge_heads(torch.zeros(2, 3, 5, 4)).shape
    torch.Size([2, 5, 12])
    """
    sizes = check_shape("x", x, "B H T d_k")
    return x.transpose(1, 2).reshape(sizes["B"], sizes["T"], sizes["H"] * sizes["d_k"])


class MultiHeadAttention(nn.Module):
    """Attention with several heads, over the sequence itself or over another one.

    Parameters
    ----------
    d_model : int
        Width of each position, in and out (features).
    n_heads : int
        Number of heads; has to divide `d_model`.
    bias : bool, default True
        Whether the four projections add a bias.

    Attributes
    ----------
    W_q, W_k, W_v, W_o : nn.Linear
        The projections. ``nn.Linear`` stores the transpose: it computes ``x @ W.weight.T + W.bias``.

    Raises
    ------
    ValueError
        If a size is not a whole number from 1 or the heads do not divide `d_model`.

    References
    ----------
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.2.

    Examples
    --------
    >>> attend = MultiHeadAttention(d_model=12, n_heads=3)
    >>> output, weights = attend(torch.zeros(2, 5, 12))
    >>> output.shape, weights.shape
    (torch.Size([2, 5, 12]), torch.Size([2, 3, 5, 5]))
    """

    def __init__(self, d_model, n_heads, bias=True):
        super().__init__()
        _head_width(d_model, n_heads)
        self.d_model, self.n_heads = d_model, n_heads
        self.W_q = nn.Linear(d_model, d_model, bias=bias)
        self.W_k = nn.Linear(d_model, d_model, bias=bias)
        self.W_v = nn.Linear(d_model, d_model, bias=bias)
        self.W_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, context=None, mask=None):
        """Let each position of `x` gather from the positions of `context`.

        Parameters
        ----------
        x : Tensor, shape (B, T, d_model)
            Where the queries come from.
        context : Tensor, shape (B, S, d_model), optional
            Where keys and values come from; `x` itself if left out.
        mask : boolean Tensor, broadcastable to (B, H, T, S), optional
            True = may attend.

        Returns
        -------
        output : Tensor, shape (B, T, d_model)
        weights : Tensor, shape (B, H, T, S)
            Each row sums to 1, or is 0 where the mask lets nothing through.

        Raises
        ------
        ValueError
            If a shape does not fit or `mask` is not boolean.
        """
        sizes = check_shape("x", x, "B T d_model", d_model=self.d_model)
        context = x if context is None else context
        check_shape("context", context, "B S d_model", B=sizes["B"], d_model=self.d_model)
        q = split_heads(self.W_q(x), self.n_heads)  # (B, H, T, d_k)
        k = split_heads(self.W_k(context), self.n_heads)  # (B, H, S, d_k)
        v = split_heads(self.W_v(context), self.n_heads)  # (B, H, S, d_k)
        output, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.W_o(merge_heads(output)), weights

    @classmethod
    def from_torch(cls, theirs):
        """Build the module that computes what an ``nn.MultiheadAttention`` computes.

        Parameters
        ----------
        theirs : nn.MultiheadAttention
            With queries, keys and values of one width and without extra key or value rows.

        Returns
        -------
        MultiHeadAttention
            With copies of its weights, in its dtype.

        Raises
        ------
        ValueError
            If `theirs` is something else or uses an option that ours does not have.
        """
        if not isinstance(theirs, nn.MultiheadAttention):
            raise ValueError(f"theirs should be an nn.MultiheadAttention, got {type(theirs).__name__}")
        if theirs.in_proj_weight is None or theirs.bias_k is not None or theirs.add_zero_attn:
            raise ValueError("theirs should have one width for queries, keys and values and no extra rows, "
                             f"got {theirs}")
        ours = cls(theirs.embed_dim, theirs.num_heads, bias=theirs.in_proj_bias is not None)
        ours.to(theirs.in_proj_weight.dtype)
        projections = (ours.W_q, ours.W_k, ours.W_v)
        with torch.no_grad():
            # PyTorch keeps the three projections in one matrix, one above the other.
            for ours_w, theirs_w in zip(projections, theirs.in_proj_weight.chunk(3), strict=True):
                ours_w.weight.copy_(theirs_w)
            ours.W_o.weight.copy_(theirs.out_proj.weight)
            if theirs.in_proj_bias is not None:
                for ours_w, theirs_b in zip(projections, theirs.in_proj_bias.chunk(3), strict=True):
                    ours_w.bias.copy_(theirs_b)
                ours.W_o.bias.copy_(theirs.out_proj.bias)
        return ours


def _head_width(d_model, n_heads):
    check_whole("d_model", d_model, 1)
    check_whole("n_heads", n_heads, 1)
    if d_model % n_heads:
        raise ValueError(f"n_heads should divide d_model={d_model}, got {n_heads}")
    return d_model // n_heads

"""A pretrained causal language model (SmolLM2-135M) whose attention is a function that is put in."""

import torch
import torch.nn.functional as F

from course_utils.attention import scaled_dot_product_attention
from course_utils.datasets.pretrained import WRITER
from course_utils.models.byte_pairs import BytePairs
from course_utils.models.gguf import GGUF
from course_utils.multihead import merge_heads, split_heads

__all__ = ["LanguageModel", "surprise", "turned"]

LONGEST = 512
"""Tokens that are read at once: more take more memory than a notebook has."""


def surprise(scores, tokens):
    """Measure how surprised a language model is by each token.

    Parameters
    ----------
    scores : Tensor, shape (B, T, V)
        For each place, the scores of the V tokens that may come next.
    tokens : integer Tensor, shape (B, T)

    Returns
    -------
    Tensor, shape (B, T - 1)
        -log(probability) of each token but the first (nats).

    Examples
    --------
    >>> surprise(torch.zeros(1, 3, 8), torch.tensor([[1, 2, 3]]))
    tensor([[2.0794, 2.0794]])
    """
    return -scores[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]


def turned(x, places, base):
    """Turn pairs of features by angles that grow with the place: rotary positions.

    Parameters
    ----------
    x : Tensor, shape (B, H, T, d_k)
        Queries or keys; features 2i and 2i + 1 make a pair.
    places : Tensor, shape (T,)
    base : float
        The last pairs turn about this many times slower than the first.

    Returns
    -------
    Tensor, shape (B, H, T, d_k)

    References
    ----------
    Su et al. (2021), "RoFormer", section 3.2.
    """
    d_k = x.shape[-1]
    angles = places[:, None] * base ** (-torch.arange(0, d_k, 2) / d_k)  # (T, d_k / 2)
    c, s, first, second = angles.cos(), angles.sin(), x[..., 0::2], x[..., 1::2]
    return torch.stack([first * c - second * s, first * s + second * c], -1).flatten(-2)


class LanguageModel:
    """Continue texts, and show what all heads do meanwhile.

    Parameters
    ----------
    attention : callable
        ``attention(q, k, v, mask) -> (output, weights)``, as the exercise `masked_attention` asks for it.

    Attributes
    ----------
    n_layers, n_heads, n_shared : int
        30 blocks of 9 heads; three heads share keys and values, so there are 3 of those.

    Raises
    ------
    NoModel
        If the model's file is not here, or is damaged.

    References
    ----------
    Touvron et al. (2023), "LLaMA", section 2.2, for the block; Ainslie et al. (2023), "GQA", for shared heads.
    """

    here = True  # the model itself answers, not stored results

    def __init__(self, attention=scaled_dot_product_attention):
        self.attention = attention
        file = GGUF(WRITER.path(next(iter(WRITER.files))))
        about = file.about
        self.numbers = {name: file.tensor(name) for name in file.tensors}
        self.n_layers = about["llama.block_count"]
        self.n_heads, self.n_shared = (about[f"llama.attention.head_count{part}"] for part in ("", "_kv"))
        self.eps, self.base = about["llama.attention.layer_norm_rms_epsilon"], about["llama.rope.freq_base"]
        self.tokenizer = BytePairs(about["tokenizer.ggml.tokens"], about["tokenizer.ggml.merges"])
        self.begin, self.end = (about[f"tokenizer.ggml.{which}_token_id"] for which in ("bos", "eos"))

    def encode(self, text):
        """Give the tokens of a text as an integer Tensor (1, T); at most 512 of them."""
        return torch.tensor([self.tokenizer.encode(text)[:LONGEST]], dtype=torch.long)

    def pieces(self, codes):
        """Give the text of each token of a row: list of str, a space shown as an underscore."""
        return [self.tokenizer.decode([code]).replace(" ", "_").replace("\n", "\\n") for code in codes]

    @torch.no_grad()
    def read(self, codes, cache=None, keep=False, without=(), last=False):
        """Score every next token.

        Parameters
        ----------
        codes : integer Tensor, shape (B, T)
            With a cache, the tokens that are new.
        cache : list, optional
            An empty list at first; keys and values of each layer are kept in it.
        keep : bool
            Whether to keep the attention.
        without : collection of (int, int)
            Heads to take away: what head h of layer l gives is set to 0.
        last : bool
            Whether scores are wanted for the last place only, which saves most of the work.

        Returns
        -------
        scores : Tensor, shape (B, T, V), or (B, 1, V) for the last place
        weights : list of Tensor, each of shape (B, 9, T, S)
            The attention of each layer, over earlier and new tokens; empty where it is not kept.
        """
        cache = [] if cache is None else cache
        before = cache[0][0].shape[2] if cache else 0
        places = torch.arange(before, before + codes.shape[1])
        mask = torch.arange(before + codes.shape[1]) <= places[:, None]  # (T, S)
        x, tables = self.numbers["token_embd.weight"][codes], []
        for layer in range(self.n_layers):
            gone = [head for where, head in without if where == layer]
            x, weights = self._block(x, places, mask, cache, layer, gone)
            if keep:
                tables.append(weights)
        x = self._norm(x[:, -1:] if last else x, "output_norm")
        return F.linear(x, self.numbers["token_embd.weight"]), tables

    def look(self, text, heads):
        """Give the tokens of a text, and the weights of some heads.

        Parameters
        ----------
        text : str
        heads : sequence of (int, int)
            Layer and head of each.

        Returns
        -------
        tokens : list of str, length T
            The mark of the beginning first.
        weights : Tensor, shape (len(heads), T, T)
        """
        codes = torch.cat([torch.tensor([[self.begin]]), self.encode(text)], dim=1)
        _, tables = self.read(codes, keep=True, last=True)
        return (["(begin)", *self.pieces(codes[0, 1:].tolist())],
                torch.stack([tables[layer][0, head] for layer, head in heads]))

    def write(self, text, n=20):
        """Continue a text with the likeliest token, again and again; earlier keys and values are kept.

        Parameters
        ----------
        text : str
        n : int
            Tokens at most; the end of a text ends it sooner.

        Returns
        -------
        str
            The continuation.
        """
        codes = self.encode(text)
        codes = codes if codes.numel() else torch.tensor([[self.begin]])
        cache, written = [], []
        for _ in range(n):
            codes = self.read(codes, cache, last=True)[0].argmax(-1)
            if codes.item() == self.end:
                break
            written.append(codes.item())
        return self.tokenizer.decode(written)

    def _block(self, x, places, mask, cache, layer, gone):
        """One block: norms before the steps, turning positions, shared keys and values."""
        h = self._norm(x, f"blk.{layer}.attn_norm")
        q, k, v = (split_heads(self._linear(h, layer, f"attn_{part}"), heads)
                   for part, heads in (("q", self.n_heads), ("k", self.n_shared), ("v", self.n_shared)))
        q, k = turned(q, places, self.base), turned(k, places, self.base)
        if layer < len(cache):
            k, v = (torch.cat(pair, dim=2) for pair in zip(cache[layer], (k, v)))
            cache[layer] = k, v
        else:
            cache.append((k, v))
        k, v = (part.repeat_interleave(self.n_heads // self.n_shared, dim=1) for part in (k, v))
        found, weights = self.attention(q, k, v, mask)
        if gone:
            found = found.clone()
            found[:, gone] = 0.0
        x = x + self._linear(merge_heads(found), layer, "attn_output")
        h = self._norm(x, f"blk.{layer}.ffn_norm")
        gate = F.silu(self._linear(h, layer, "ffn_gate")) * self._linear(h, layer, "ffn_up")
        return x + self._linear(gate, layer, "ffn_down"), weights

    def _linear(self, x, layer, name):
        return F.linear(x, self.numbers[f"blk.{layer}.{name}.weight"])

    def _norm(self, x, name):
        """Divide by the root of the mean square: layer normalisation without mean and shift."""
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.numbers[f"{name}.weight"]

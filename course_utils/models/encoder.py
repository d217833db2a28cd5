"""A pretrained encoder (all-MiniLM-L6-v2) whose attention is a function that is put in, the learner's own for one."""

import json

import torch
import torch.nn.functional as F

from course_utils.attention import scaled_dot_product_attention
from course_utils.datasets.pretrained import ENCODER
from course_utils.models.safetensors import read_safetensors
from course_utils.models.word_pieces import WordPieces
from course_utils.multihead import merge_heads, split_heads

__all__ = ["LONGEST", "Encoder", "mean_pool"]

LONGEST = 256
"""Pieces of a text that are read, the two marks at its ends included; its makers set this."""
_BATCH = 16


def mean_pool(x, real):
    """Average the features of the real tokens of each text.

    Parameters
    ----------
    x : Tensor, shape (B, T, d_model)
    real : boolean Tensor, shape (B, T)
        False where a text is padded.

    Returns
    -------
    Tensor, shape (B, d_model)
        Zeros for a text without a real token.

    Examples
    --------
    >>> x = torch.tensor([[[2.0], [4.0], [9.0]]])
    >>> mean_pool(x, torch.tensor([[True, True, False]]))
    tensor([[3.]])
    """
    real = real[..., None]
    return torch.where(real, x, 0.0).sum(1) / real.sum(1).clamp(min=1)


class Encoder:
    """Turn texts into vectors that lie close where texts mean something similar.

    Parameters
    ----------
    attention : callable
        ``attention(q, k, v, mask) -> (output, weights)``, as the exercise `masked_attention` asks for it.
    pool : callable
        ``pool(x, real)``, as `mean_pool`.

    Raises
    ------
    NoModel
        If the model's files are not here, or are damaged.

    References
    ----------
    Devlin et al. (2019), "BERT", for the encoder; Reimers and Gurevych (2019), "Sentence-BERT", for its average.
    """

    here = True  # the model itself answers, not stored results

    def __init__(self, attention=scaled_dot_product_attention, pool=mean_pool):
        self.attention, self.pool = attention, pool
        config = json.loads(ENCODER.path("config.json").read_text(encoding="utf-8"))
        self.n_layers, self.n_heads = config["num_hidden_layers"], config["num_attention_heads"]
        self.eps = config["layer_norm_eps"]
        self.tokenizer = WordPieces(ENCODER.path("vocab.txt").read_text(encoding="utf-8").split("\n"))
        self.numbers = read_safetensors(ENCODER.path("model.safetensors"))

    def pieces(self, text):
        """Cut a text into the tokens that the model reads.

        Parameters
        ----------
        text : str

        Returns
        -------
        list of str
            ``[CLS]``, the pieces, ``[SEP]``; at most 256 of them.
        """
        return ["[CLS]", *self.tokenizer.cut(text)[:LONGEST - 2], "[SEP]"]

    @torch.no_grad()
    def read(self, texts, keep=True):
        """Run the model on a few texts at once.

        Parameters
        ----------
        texts : sequence of str
        keep : bool
            Whether to keep the attention, which takes the most memory.

        Returns
        -------
        x : Tensor, shape (B, T, 384)
            Features of each token after the last block.
        weights : list of Tensor, each of shape (B, 12, T, T)
            The attention of each layer; empty where it is not kept.
        real : boolean Tensor, shape (B, T)
            False on padding.
        """
        number = self.tokenizer.number
        rows = [[number[piece] for piece in self.pieces(text)] for text in texts]
        T = max(map(len, rows))
        codes = torch.tensor([row + [number["[PAD]"]] * (T - len(row)) for row in rows])
        real = torch.arange(T) < torch.tensor([[len(row)] for row in rows])
        table = "embeddings.{}_embeddings.weight"
        x = (self.numbers[table.format("word")][codes] + self.numbers[table.format("position")][:T]
             + self.numbers[table.format("token_type")][0])
        x = self._norm(x, "embeddings.LayerNorm")
        tables = []
        for layer in range(self.n_layers):
            x, weights = self._block(x, real[:, None, None, :], f"encoder.layer.{layer}")
            if keep:
                tables.append(weights)
        return x, tables, real

    def embed(self, texts):
        """Give each text a vector of length 1.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        Tensor, shape (N, 384)
            The average of its tokens' features, divided by its length.
        """
        texts = list(texts)
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))  # texts of one length share a batch
        vectors = torch.empty(len(texts), self.numbers["embeddings.LayerNorm.weight"].shape[0])
        for start in range(0, len(order), _BATCH):
            some = order[start:start + _BATCH]
            x, _, real = self.read([texts[n] for n in some], keep=False)
            vectors[some] = self.pool(x, real)
        return F.normalize(vectors, dim=-1)

    def look(self, text):
        """Give the tokens of one text and the weights of all heads.

        Parameters
        ----------
        text : str

        Returns
        -------
        tokens : list of str, length T
        weights : Tensor, shape (6, 12, T, T)
        """
        return self.pieces(text), torch.cat(self.read([text])[1])

    def _block(self, x, mask, name):
        """One block; its norms stand after the steps, as in the first transformer."""
        q, k, v = (split_heads(self._linear(x, f"{name}.attention.self.{part}"), self.n_heads)
                   for part in ("query", "key", "value"))
        found, weights = self.attention(q, k, v, mask)
        found = self._linear(merge_heads(found), f"{name}.attention.output.dense")
        x = self._norm(x + found, f"{name}.attention.output.LayerNorm")
        found = self._linear(F.gelu(self._linear(x, f"{name}.intermediate.dense")), f"{name}.output.dense")
        return self._norm(x + found, f"{name}.output.LayerNorm"), weights

    def _linear(self, x, name):
        return F.linear(x, self.numbers[f"{name}.weight"], self.numbers[f"{name}.bias"])

    def _norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.numbers[f"{name}.weight"], self.numbers[f"{name}.bias"], self.eps)

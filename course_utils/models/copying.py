"""What a language model does with random tokens that come twice; and what was stored of it where it is not here."""

import json

import numpy as np
import torch

from course_utils.attention import scaled_dot_product_attention
from course_utils.datasets.files import load_npz
from course_utils.datasets.pretrained import NoModel
from course_utils.models.induction import induction_score, previous_token_score
from course_utils.models.language_model import LanguageModel, surprise

__all__ = ["LENGTH", "ROWS", "SHOWN", "CopyTest", "StoredLanguageModel", "copies", "load_language_model",
           "random_heads", "results", "strongest"]

ROWS, LENGTH = 4, 16
"""Rows of random tokens; tokens in a row before they come again."""
SHOWN = "one two three, one two three, one two"
"""A text that a head which copies has something to do in."""


class StoredLanguageModel:
    """Stands in where the language model's file is not here: it knows a few continuations.

    Attributes
    ----------
    here : bool
        False.
    """

    here = False
    n_layers, n_heads, n_shared = 30, 9, 3

    def __init__(self):
        self.results = load_npz("language_model.npz")
        self.about = json.loads(str(self.results["about"]))

    def write(self, text, n=20):
        """Give the stored continuation of a text, of the first one stored where there is none."""
        stored = self.about["written"]
        if text not in stored:
            text = next(iter(stored))
            print(f"Other texts need the model (`make models`); stored is {text!r}.")
        return stored[text]

    def look(self, text, heads):
        """Give tokens and weights of some heads, for the one text that is stored."""
        if text != SHOWN or any(list(head) not in self.about["heads"] for head in heads):
            print(f"Other texts and heads need the model (`make models`); stored is {SHOWN!r}.")
        return self.about["tokens"], torch.from_numpy(self.results["shown"]).float()[:len(heads)]


def load_language_model(attention=scaled_dot_product_attention):
    """Load the pretrained language model, or what was stored of it.

    Parameters
    ----------
    attention : callable
        As for `LanguageModel`.

    Returns
    -------
    LanguageModel or StoredLanguageModel
        ``.here`` tells which. Where the model cannot be used, one line says why.
    """
    try:
        return LanguageModel(attention)
    except NoModel as why:
        print(f"{why} This notebook goes on with stored results.")
        return StoredLanguageModel()


class CopyTest:
    """Four rows of 16 random tokens, each row twice, after a token that marks the beginning.

    Parameters
    ----------
    model : LanguageModel or StoredLanguageModel
    seed : int
        Of the tokens.
    measure : callable
        ``measure(scores, tokens)``, as the exercise `surprise` asks for it.

    Attributes
    ----------
    nats : Tensor, shape (4, 32)
        How surprising each token is (nats).
    tables : list of Tensor, each of shape (4, 9, 33, 33)
        The attention of each layer; None where the model is not here.
    """

    def __init__(self, model, seed=0, measure=surprise):
        self.model, self.measure, self.tables = model, measure, None
        if model.here:
            generator = torch.Generator().manual_seed(seed)
            row = torch.randint(1000, 40000, (ROWS, LENGTH), generator=generator)
            self.tokens = torch.cat([torch.full((ROWS, 1), model.begin), row, row], dim=1)
            scores, self.tables = model.read(self.tokens, keep=True)
            self.nats = measure(scores, self.tokens)
        else:
            self.nats = torch.from_numpy(model.results["nats"])

    def heads(self, role):
        """Measure every head.

        Parameters
        ----------
        role : callable, or "first"
            ``role(weights, tokens)`` as `induction_score`, ``role(weights)`` as `previous_token_score`, or the weight
            of the first place.

        Returns
        -------
        Tensor, shape (30, 9)
        """
        name = getattr(role, "name", getattr(role, "__name__", role))
        if self.tables is None:
            return torch.from_numpy(self.model.results[name])
        if name == "first":
            return torch.stack([table[:, :, 1:, 0].mean((0, 2)) for table in self.tables])
        if name == "previous_token_score":  # in the first copy, where nothing else draws a head back
            return torch.stack([role(table[..., 1:LENGTH + 1, 1:LENGTH + 1]) for table in self.tables])
        return torch.stack([role(table[..., 1:, 1:], self.tokens[:, 1:]) for table in self.tables])

    def without(self, heads):
        """Take heads away and measure again.

        Parameters
        ----------
        heads : sequence of (int, int)
            Layer and head of each.

        Returns
        -------
        first, second : float
            Mean surprise in the first and in the second copy (nats).

        Raises
        ------
        NoModel
            If the model is not here, and this was not stored.
        """
        if self.model.here:
            scores, _ = self.model.read(self.tokens, without=heads)
            return copies(self.measure(scores, self.tokens))
        stored = self.model.about["without"].get(_key(heads))
        if stored is None:
            raise NoModel("Nothing is stored for these heads: taking them away needs the model, `make models`.")
        return tuple(stored)


def copies(nats):
    """Mean surprise in the first copy and in the second, without its first token, which nobody can know (nats)."""
    return nats[:, :LENGTH].mean().item(), nats[:, LENGTH + 1:].mean().item()


def strongest(table, n):
    """Give the n heads with the largest numbers of a table (30, 9): list of (layer, head)."""
    return [divmod(place, table.shape[1]) for place in table.flatten().topk(n).indices.tolist()]


def _key(heads):
    return " ".join(f"{layer}.{head}" for layer, head in heads)


def results(model, texts, draws):
    """Compute what is stored for readers without the model: arrays by name."""
    test = CopyTest(model)
    tables = {"induction_score": test.heads(induction_score), "first": test.heads("first"),
              "previous_token_score": test.heads(previous_token_score)}
    sets = [[], *(strongest(tables["induction_score"], n) for n in (3, 6)),
            strongest(tables["previous_token_score"], 3), strongest(tables["first"], 6),
            *(random_heads(seed) for seed in range(draws))]
    heads = [strongest(tables[name], 1)[0] for name in ("induction_score", "previous_token_score", "first")]
    tokens, shown = model.look(SHOWN, heads)
    about = {"written": {text: model.write(text) for text in texts}, "heads": heads, "tokens": tokens,
             "without": {_key(some): test.without(some) for some in sets}}
    return {"nats": test.nats.numpy(), "shown": shown.numpy().astype(np.float16),
            **{name: table.numpy() for name, table in tables.items()}, "about": json.dumps(about, ensure_ascii=False)}


def random_heads(seed, n=6):
    """Draw n of the 270 heads: list of (layer, head)."""
    places = torch.randperm(270, generator=torch.Generator().manual_seed(seed))[:n]
    return [divmod(place, 9) for place in places.tolist()]

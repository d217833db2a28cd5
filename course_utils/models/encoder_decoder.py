"""The small models of the later notebooks; every one gives its attention weights back."""

import torch
from torch import nn

from course_utils.attention import padding_mask, scaled_dot_product_attention
from course_utils.shapes import check_shape

__all__ = ["EncoderDecoder"]


class EncoderDecoder(nn.Module):
    """Read one sequence, write another, and look back at the first while writing.

    A bidirectional GRU reads. A GRU writes; its state is the query, the reader's states are keys and
    values. Without attention, every step of the writing gets the reader's last state and nothing else:
    one vector that has to hold the whole input.

    Parameters
    ----------
    n_in, n_out : int
        Number of symbols that can be read and written; 0 stands for padding when reading and for
        "begin" when writing.
    width : int
        Width of the states (features); even.
    attention : bool
        Whether the writer may look back.
    attend : callable
        ``attend(q, k, v, mask) -> (output, weights)``.

    Raises
    ------
    ValueError
        If `width` is not even.
    """

    def __init__(self, n_in, n_out, width=64, attention=True, attend=scaled_dot_product_attention):
        super().__init__()
        if width % 2:
            raise ValueError(f"width should be even, got {width}")
        self.attention, self.attend = attention, attend
        self.read = nn.Embedding(n_in, width, padding_idx=0)
        self.encoder = nn.GRU(width, width // 2, batch_first=True, bidirectional=True)
        self.written = nn.Embedding(n_out, width)
        self.decoder = nn.GRU(width, width, batch_first=True)
        self.W_q = nn.Linear(width, width)
        self.W_k = nn.Linear(width, width)
        self.W_v = nn.Linear(width, width)
        self.out = nn.Sequential(nn.Linear(2 * width, width), nn.Tanh(), nn.Linear(width, n_out))

    def forward(self, source, lengths, target):
        """Score every next symbol of `target`, given the ones before it.

        Parameters
        ----------
        source : Tensor of int, shape (B, S)
            What is read, padded with 0.
        lengths : Tensor of int, shape (B,)
            Lengths of the sources (symbols).
        target : Tensor of int, shape (B, T)
            What is to be written.

        Returns
        -------
        scores : Tensor, shape (B, T, n_out)
        weights : Tensor, shape (B, T, S), or None without attention
        """
        states, mask = self._encode(source, lengths)
        begun = torch.cat([torch.zeros_like(target[:, :1]), target[:, :-1]], dim=1)  # shifted by one
        scores, weights, _ = self._decode(states, mask, begun, self._last(states))
        return scores, weights

    @torch.no_grad()
    def write(self, source, lengths, T):
        """Write T symbols, each the likeliest after those before it.

        Parameters
        ----------
        source, lengths
            As in `forward`.
        T : int
            Number of symbols to write.

        Returns
        -------
        symbols : Tensor of int, shape (B, T)
        weights : Tensor, shape (B, T, S), or None without attention
        """
        states, mask = self._encode(source, lengths)
        state, symbol = self._last(states), source.new_zeros(len(source), 1)
        symbols, rows = [], []
        for _ in range(T):
            scores, weights, state = self._decode(states, mask, symbol, state)
            symbol = scores.argmax(-1)
            symbols.append(symbol)
            rows.append(weights)
        return torch.cat(symbols, 1), torch.cat(rows, 1) if self.attention else None

    def _encode(self, source, lengths):
        sizes = check_shape("source", source, "B S")
        check_shape("lengths", lengths, "B", B=sizes["B"])
        packed = nn.utils.rnn.pack_padded_sequence(self.read(source), lengths, batch_first=True, enforce_sorted=False)
        states, _ = nn.utils.rnn.pad_packed_sequence(self.encoder(packed)[0], batch_first=True, total_length=sizes["S"])
        return states, padding_mask(lengths, sizes["S"])[:, 0]  # (B, S, width), (B, 1, S)

    def _last(self, states):
        """The reader's summary: its forward state at the end and its backward state at the beginning."""
        half = states.shape[-1] // 2
        forward = states[..., :half]
        # Padding is 0 behind the end, so the last state of each sequence is found by its length.
        ends = (states.abs().sum(-1) > 0).sum(1) - 1
        return torch.cat([forward[torch.arange(len(states)), ends], states[:, 0, half:]], dim=-1)[None]

    def _decode(self, states, mask, symbols, state):
        hidden, new_state = self.decoder(self.written(symbols), state)  # (B, T, width)
        if self.attention:
            context, weights = self.attend(self.W_q(hidden), self.W_k(states), self.W_v(states), mask)
        else:
            context, weights = self._last(states)[0][:, None].expand_as(hidden), None
        return self.out(torch.cat([hidden, context], dim=-1)), weights, new_state

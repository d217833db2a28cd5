"""The model of attention alone, and what was measured of its heads."""

import pytest
import torch

from course_utils.datasets.induction import induction_heads, induction_steps
from course_utils.models.induction import (
    AttentionOnly,
    accuracy,
    head_outputs,
    induction_score,
    patched,
    previous_token_score,
    repeated,
    train_repeater,
    without_heads,
)


def test_a_row_comes_again_and_holds_no_token_twice():
    tokens, periods = repeated(torch.Generator().manual_seed(1), 50)
    for row, period in zip(tokens, periods.tolist()):
        assert 8 <= period <= 24
        assert torch.equal(row[period:], row[:-period])
        assert len(set(row[:period].tolist())) == period


def test_accuracy_counts_what_can_be_known_only():
    tokens, periods = repeated(torch.Generator().manual_seed(2), 20)

    def oracle(x):
        """Knows the period, and guesses token 0 in the first copy."""
        scores = torch.zeros(*x.shape, 32)
        for row, period, out in zip(x, periods.tolist(), scores):
            for t in range(period - 1, x.shape[1] - 1):
                out[t, row[t + 1 - period]] = 1.0
        return scores, None

    assert accuracy(oracle, tokens, periods) == 1.0
    assert accuracy(lambda x: (torch.zeros(*x.shape, 32), None), tokens, periods) < 0.1


def test_a_patch_of_a_run_into_itself_changes_nothing():
    torch.manual_seed(0)
    model, (tokens, _) = AttentionOnly(), repeated(torch.Generator().manual_seed(3), 4)
    with torch.no_grad():
        wanted = model(tokens)[0]
    everything = [(layer, head) for layer in (0, 1) for head in (0, 1)]
    assert torch.allclose(patched(model, tokens, head_outputs(model, tokens), everything), wanted, atol=1e-5)
    zeros = [torch.zeros_like(found) for found in head_outputs(model, tokens)]
    for head in everything:
        with torch.no_grad():
            gone = without_heads(model, [head])(tokens)[0]
        assert torch.allclose(patched(model, tokens, zeros, [head]), gone, atol=1e-5)
        assert not torch.allclose(gone, wanted, atol=1e-3)


def test_a_model_that_never_calls_its_last_layer_can_be_patched_too():
    from course_utils.multihead import MultiHeadAttention, merge_heads, split_heads

    class ByHand(MultiHeadAttention):
        def forward(self, x, context=None, mask=None):
            q, k, v = (split_heads(W(x), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
            scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -torch.inf)
            weights = scores.softmax(-1)
            return merge_heads(weights @ v) @ self.W_o.weight.T + self.W_o.bias, weights

    torch.manual_seed(0)
    model, (tokens, _) = AttentionOnly(attention=ByHand), repeated(torch.Generator().manual_seed(3), 2)
    with torch.no_grad():
        again = patched(model, tokens, head_outputs(model, tokens), [(1, 0)])
        assert torch.allclose(again, model(tokens)[0], atol=1e-5)


def test_stored_heads_are_what_the_notebook_says():
    steps = {layers: induction_steps(layers) for layers in (1, 2)}
    assert {layers: len(found) for layers, found in steps.items()} == {1: 3, 2: 5}
    assert min(shares[-1] for _, shares in steps[2].values()) > 0.99
    assert max(shares[-1] for _, shares in steps[1].values()) < 0.25
    heads = induction_heads()
    assert len(heads) == 20
    assert all((found.induction > 0.8) == (found.layer == 1) for found in heads)
    misleading = [found for found in heads if found.previous > 0.9 and found.accuracy - found.without < 0.02]
    assert (0, 0, 1) in [(found.seed, found.layer, found.head) for found in misleading]
    with pytest.raises(ValueError, match="layers should be 1 or 2, got 3"):
        induction_steps(3)


def test_a_few_steps_learn_something_and_are_watched():
    torch.manual_seed(0)
    seen = []
    history = train_repeater(AttentionOnly(), steps=60, bar=False, watch=seen.append)
    assert seen == list(range(60))
    assert history.recent(5) < 3.4 < history.losses[0]


@pytest.mark.slow
def test_two_layers_learn_it_again_with_both_kinds_of_heads():
    torch.set_num_threads(1)
    torch.manual_seed(3)
    model = AttentionOnly()
    train_repeater(model, seed=3, bar=False)
    tokens, periods = repeated(torch.Generator().manual_seed(999), 128)
    assert accuracy(model, tokens, periods) > 0.99
    with torch.no_grad():
        early, late = model(tokens[:, :8])[1], model(tokens)[1]
    before, found = previous_token_score(early[0]), induction_score(late[1], tokens)
    assert before.max() > 0.9
    assert found.max() > 0.85
    assert accuracy(without_heads(model, [(1, 0), (1, 1)]), tokens, periods) < 0.15
    lookers = [(0, head) for head in (0, 1) if before[head] > 0.5]
    assert accuracy(without_heads(model, lookers), tokens, periods) < 0.15

"""The task that one head cannot do and two can, at equal parameters."""

import pytest
import torch

from course_utils.exercises.heads.multi_head_attention import multi_head_attention
from course_utils.models.two_key_reader import TwoKeyReader, train_reader


@pytest.fixture(scope="module")
def runs():
    return {heads: train_reader(multi_head_attention, heads) for heads in (1, 2)}


def test_two_heads_answer_what_one_cannot_with_as_many_parameters(runs):
    assert runs[1].n_parameters == runs[2].n_parameters
    assert runs[1].both < 0.3
    assert runs[2].both > 0.95


def test_two_heads_share_the_keys_out_and_one_looks_at_both(runs):
    assert runs[1].found.shape == (1, 2)
    assert runs[1].found.min() > 0.2
    assert sorted(runs[2].found.argmax(1).tolist()) == [0, 1]
    assert runs[2].found.max(1).values.min() > 0.7


def test_a_layer_after_the_attention_lets_one_head_do():
    run = train_reader(multi_head_attention, 1, rework=True, steps=500)
    assert run.both > 0.9
    low, high = sorted(run.found[0].tolist())
    assert high > 1.5 * low > 0.15, "uneven weights, and both keys seen"


def test_training_is_repeatable_and_leaves_the_random_numbers_alone():
    torch.manual_seed(7)
    a = train_reader(multi_head_attention, 2, steps=3).losses
    after = torch.rand(1)
    torch.manual_seed(7)
    assert torch.equal(torch.rand(1), after)
    assert train_reader(multi_head_attention, 2, steps=3).losses == a


def test_wrong_shapes_are_named():
    reader = TwoKeyReader(multi_head_attention, n_heads=2)
    keys, query = torch.zeros(3, 12, dtype=torch.long), torch.zeros(3, 2, dtype=torch.long)
    with pytest.raises(ValueError, match=r"values should have shape \(B=3, items=12\), got \(3, 11\)"):
        reader(keys, keys[:, :11], query)
    with pytest.raises(ValueError, match=r"query should have shape \(B=3, 2\), got \(3, 12\)"):
        reader(keys, keys, keys)

"""Digits drawn at random: nobody can learn them, and a mask the wrong way round seems to."""

import math

import pytest
import torch

from course_utils.models.digits import train_on_digits

PAST = torch.ones(10, 10, dtype=torch.bool).tril()


@pytest.mark.parametrize("need", [True, False])
def test_who_sees_the_past_alone_learns_nothing(need):
    losses = train_on_digits(~PAST, need_weights=need)
    assert abs(losses[-1] - math.log(10)) < 0.1


def test_a_forgotten_sign_is_nan_with_weights_and_too_good_without():
    """Asked of PyTorch on a CPU, in training."""
    assert all(map(math.isnan, train_on_digits(PAST, need_weights=True, steps=3)[1:]))
    assert train_on_digits(PAST, need_weights=False)[-1] < 0.01


def test_training_leaves_the_random_numbers_alone():
    torch.manual_seed(3)
    first = train_on_digits(~PAST, need_weights=True, steps=2)
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))
    assert first == train_on_digits(~PAST, need_weights=True, steps=2)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"hidden should have shape \(T=10, S=10\), got \(3, 3\)"):
        train_on_digits(PAST[:3, :3], need_weights=True)

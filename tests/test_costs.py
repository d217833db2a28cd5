"""Costs are counted: what the formulas of the lesson say comes out, and the longest of several ways is found."""

import pytest
import torch

from course_utils.attention import scaled_dot_product_attention
from course_utils.models.costs import in_a_row, multiplications


def chain(x, n):
    for _ in range(n):
        x = torch.tanh(x @ torch.eye(3))
    return x


@pytest.mark.parametrize(("T", "d"), [(4, 8), (16, 8), (5, 3)])
def test_self_attention_multiplies_as_its_formula_says(T, d):
    x, W = torch.ones(T, d), torch.ones(3, d, d, requires_grad=True)

    def attention(x):
        return scaled_dot_product_attention(*(x @ w for w in W))[0]

    assert multiplications(attention, x) == 3 * T * d * d + 2 * T * T * d
    assert in_a_row(attention(x)) == 3


@pytest.mark.parametrize("n", [0, 1, 7, 3000])
def test_a_chain_is_as_long_as_it_is(n):
    x = torch.ones(2, 3, requires_grad=True)
    assert in_a_row(chain(x, n)) == n
    assert multiplications(chain, x, n) == 18 * n


def test_the_longest_of_several_ways_counts():
    x = torch.ones(2, 3, requires_grad=True)
    assert in_a_row(chain(x, 2) + chain(chain(x, 1) + chain(x, 4), 1) + x) == 5
    assert in_a_row((x.T @ x)[None] @ torch.ones(4, 3, 3)) == 2


def test_a_detached_result_tells_nothing():
    with pytest.raises(ValueError, match="output should require gradients"):
        in_a_row(torch.ones(2))

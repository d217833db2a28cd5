"""A mistake in a mask keeps its name whatever number stands for minus infinity, filled in or added."""

import itertools
import math

import pytest
import torch
from wrong_answers import MASKED

from course_utils import exercises
from course_utils.checks import diagnose

LOWEST = torch.finfo(torch.float32).min
FILLS = (-math.inf, -1e4, -1e9, -1e20, LOWEST)
WAYS = {
    "filled": lambda s, mask, number: s.masked_fill(~mask, number),
    "added": lambda s, mask, number: s + torch.zeros(mask.shape).masked_fill(~mask, number),
    "multiplied and added": lambda s, mask, number: s + (1 - mask.float()) * number,
}
READ = {"right": lambda mask: mask, "inverted": lambda mask: ~mask, "transposed": lambda mask: mask.transpose(-2, -1)}
CLEANED = {"": lambda w, mask: w,
           "rows": lambda w, mask: w * mask.any(-1, keepdim=True), "all": lambda w, mask: w * mask}
NAMES = {
    "masked_attention": {"inverted": "opposite-polarity", "transposed": "mask-transposed",
                         "too small": "minus-ten-thousand"},
    "MultiHeadAttention": {"inverted": "mask-inverted", "transposed": "mask-transposed",
                           "too small": "hidden-scores-minus-ten-thousand"},
}


def hiding(read, way, number, clean):
    def weigh(s, mask=None):
        if mask is None:
            return s.softmax(-1)
        mask = READ[read](mask)
        return CLEANED[clean](WAYS[way](s, mask, number).softmax(-1), mask)

    return weigh


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_in_a_mask_has_one_name(name, read, way):
    exercise = exercises.find(name)
    for number, clean in itertools.product(FILLS, CLEANED):
        if way == "multiplied and added" and number == -math.inf:
            continue  # 0 times infinity is another mistake
        found = diagnose(exercise, MASKED[name](hiding(read, way, number, clean))).names
        if read != "right":
            wanted = (NAMES[name][read],)
        elif number == -1e4:
            covered = "-covered" if clean and name == "masked_attention" else ""
            wanted = (NAMES[name]["too small"] + covered,)
        elif number == -math.inf:
            wanted = ("empty-rows-nan",)
        else:
            wanted = () if clean else ("empty-rows-uniform",)
        assert found == wanted, f"{number:g} {way}, cleaned: {clean or 'nothing'}"

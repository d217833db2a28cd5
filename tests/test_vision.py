"""The digits, and the small Vision Transformer that reads them."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_utils.datasets.handwriting import (
    blanked_patches,
    digit_images,
    patch_positions,
    split_digits,
)
from course_utils.models.vision import (
    PatchReader,
    blank,
    blanking_orders,
    class_token_first,
    cls_picture,
    patchify,
    share_right,
    train_patch_reader,
)


def drawn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_digits_are_dealt_out_once_and_the_same_each_time():
    (known, known_digits), (test, test_digits) = split_digits()
    images, digits = digit_images()
    assert len(test) == 360
    rows = np.sort(np.concatenate([known, test]).reshape(-1, 64).sum(1))
    assert np.array_equal(rows, np.sort(images.reshape(-1, 64).sum(1)))
    assert sorted([*known_digits, *test_digits]) == sorted(digits)
    assert np.array_equal(split_digits()[1][0], test)


def test_digits_are_ink_from_0_to_1_and_look_like_digits():
    images, digits = digit_images()
    assert (images.min(), images.max(), images.dtype) == (0, 1, np.float32)
    ones = images[digits == 1].mean(0)[0]
    assert ones[:, 3:5].mean() > 3 * ones[:, :2].mean()  # a one is a stroke in the middle


@pytest.mark.parametrize("shape", [(2, 3, 6, 4), (1, 1, 8, 8), (3, 2, 2, 10)])
def test_patches_are_those_of_pytorch(shape):
    images = drawn(*shape)
    assert torch.equal(patchify(images, 2), F.unfold(images, 2, stride=2).mT)


def test_a_size_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="size should divide height and width, got size=3 for images of 6 by 4"):
        patchify(torch.zeros(1, 1, 6, 4), 3)
    with pytest.raises(ValueError, match=r"images should have shape \(B, C, height, width\), got \(6, 4\)"):
        patchify(torch.zeros(6, 4), 2)


def test_without_positions_the_order_of_the_patches_does_not_count():
    torch.manual_seed(0)
    patches, order = drawn(3, 16, 4), torch.randperm(16, generator=torch.Generator().manual_seed(1))
    for positioned in (True, False):
        model = PatchReader(positioned=positioned)
        same = torch.allclose(model(patches)[0], model(patches[:, order])[0], atol=1e-5)
        assert same == (not positioned)


def test_the_class_token_and_the_parts_are_those_that_were_given():
    asked = []

    def first(x, cls, positions):
        asked.append(tuple(x.shape))
        return class_token_first(x, cls, positions)

    PatchReader(class_token=first)(drawn(2, 16, 4))
    assert asked == [(2, 16, 48)]


def test_positions_learn_only_where_they_are_wanted():
    for positioned in (True, False):
        model = PatchReader(positioned=positioned)
        before = model.positions.clone()
        train_patch_reader(model, epochs=1, bar=False)
        assert torch.equal(before, model.positions) == (not positioned)


def test_the_picture_holds_what_the_class_token_looks_at():
    weights = drawn(2, 3, 7, 7).softmax(-1)
    picture = cls_picture(weights, 2, 3)
    assert picture.shape == (2, 3, 2, 3)
    assert torch.equal(picture[1, 2, 1, 0], weights[1, 2, 0, 4])


def test_orders_hold_every_patch_once_and_begin_where_they_say():
    attended, ink = drawn(5, 16).softmax(-1), drawn(5, 16).clamp(min=0)
    orders = blanking_orders(attended, ink, torch.Generator().manual_seed(0))
    assert all(torch.equal(order.sort(1).values, torch.arange(16).expand(5, 16)) for order in orders.values())
    assert torch.equal(orders["most attended"][:, 0], attended.argmax(1))
    assert torch.equal(orders["least attended"][:, 0], attended.argmin(1))
    assert torch.equal(orders["most inked"][:, 0], ink.argmax(1))
    inked = ink.gather(1, orders["by chance inked"]) > 0
    assert torch.equal(inked, inked.sort(1, descending=True).values)  # those without ink come last


def test_blanking_takes_the_first_of_the_order_and_leaves_the_images_alone():
    patches, order = torch.ones(2, 4, 3), torch.tensor([[3, 0, 1, 2], [1, 2, 3, 0]])
    assert blank(patches, order, 2).sum(-1).tolist() == [[0, 3, 3, 0], [3, 0, 0, 3]]
    assert patches.min() == 1


def test_a_little_training_learns_something():
    images, digits = map(torch.from_numpy, split_digits()[1])
    torch.manual_seed(0)
    model = PatchReader()
    history = train_patch_reader(model, epochs=4, bar=False)
    assert history.losses[0] > 2 > 1.6 > history.recent(10)
    assert share_right(model, patchify(images, 2), digits) > 0.4


def test_stored_results_have_five_seeds_each():
    stored, blanked = patch_positions(), blanked_patches()
    assert {name: len(shares) for name, shares in stored.items()} == {"with positions": 5, "without positions": 5}
    ways = blanking_orders(torch.zeros(1, 2), torch.zeros(1, 2), torch.Generator())
    assert {key: len(shares) for key, shares in blanked.items()} == {
        (way, count): 5 for way in ways for count in (1, 2, 4)}
    assert stored["with positions"].min() >= 0.965 > 0.85 > stored["without positions"].max()
    for way in ways:  # the more is gone, the less is read
        means = [blanked[way, count].mean() for count in (1, 2, 4)]
        assert stored["with positions"].mean() > means[0] > means[1] > means[2]


@pytest.mark.slow
def test_the_model_of_the_notebook_reads_digits_and_what_is_stored_can_be_made_again():
    torch.set_num_threads(1)
    images, digits = map(torch.from_numpy, split_digits()[1])
    patches = patchify(images, 2)
    for name, positioned in (("with positions", True), ("without positions", False)):
        torch.manual_seed(0)
        model = PatchReader(positioned=positioned)
        train_patch_reader(model, bar=False)
        assert abs(share_right(model, patches, digits) - patch_positions()[name].mean()) < 0.04

"""The laboratory of notebook 11: functions that cut images into patches, five of them with a fault."""

from functools import cache

from course_utils.laboratories.lab import Lab
from course_utils.laboratories.parts import RIGHT, Kind, LabProbe

__all__ = ["patch_lab"]

SIZE = 2  # of the patches in all probes


def patchify_with(*order, turned=lambda cut: cut, whole=False):
    """Give a function that cuts images, its axes put in some order.

    The axes are 0 image, 1 channel, 2 row of patches, 3 row in the patch, 4 column of patches, 5 column in the patch.
    """

    def patchify(images, size):
        B, C, height, width = images.shape
        cut = images.reshape(B, C, height // size, size, width // size, size)
        if not whole:
            cut = turned(cut).permute(*order)
        return cut.reshape(B, -1, C * size * size)

    return patchify


def _kind(name, sign, probe, *order, **changes):
    return Kind(name, lambda: patchify_with(*order, **changes), sign, probe)


KINDS = (
    _kind(RIGHT, "passes every probe", "", 0, 2, 4, 1, 3, 5),
    _kind("patches column by column", "goes down first", "order", 0, 4, 2, 1, 3, 5),
    _kind("patches from the bottom", "begins below", "order", 0, 2, 4, 1, 3, 5,
          turned=lambda cut: cut.flip(2)),
    _kind("cut without permute", "cuts strips", "order", whole=True),
    _kind("pixels column by column", "reads downwards", "inside", 0, 2, 4, 1, 5, 3),
    _kind("pixels mirrored", "reads from the right", "inside", 0, 2, 4, 1, 3, 5,
          turned=lambda cut: cut.flip(5)),
    _kind("channels last", "mixes the channels", "channels", 0, 2, 4, 3, 5, 1),
    _kind("images mixed", "mixes the images", "images", 2, 4, 0, 1, 3, 5),
)


def _lit(patchify):
    """Of 2 x 3 patches the one at the top, in the middle, is all ink: the mean of each patch."""
    import torch

    image = torch.zeros(1, 1, 2 * SIZE, 3 * SIZE)
    image[..., :SIZE, SIZE:2 * SIZE] = 1.0
    return {"mean of patches 0 to 5": patchify(image, SIZE)[0].mean(-1)}


def _inside(patchify):
    import torch

    return {"patch": patchify(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), SIZE)[0, 0]}


def _channels(patchify):
    import torch

    image = torch.tensor([1.0, 2.0])[None, :, None, None].expand(1, 2, SIZE, SIZE)
    return {"patch": patchify(image.clone(), SIZE)[0, 0]}


def _images(patchify):
    import torch

    images = torch.tensor([1.0, 2.0])[:, None, None, None].expand(2, 1, SIZE, 3 * SIZE).clone()
    means = patchify(images, SIZE).mean(-1)
    return {"first image": means[0], "second image": means[1]}


PROBES = (
    LabProbe("order", "2 x 3 patches, the middle one of the upper row is all 1: which patch is it? Number 1.", _lit),
    LabProbe("inside", "One patch, 1 2 above 3 4: in which order do its pixels come? As 1 2 3 4.", _inside),
    LabProbe("channels", "Channel 0 is all 1, channel 1 all 2: in which order? First all of 0, then all of 1.",
             _channels),
    LabProbe("images", "The first image is all 1, the second all 2: does each keep its own patches? 1, and 2.",
             _images),
)


def _train(patchify):
    from course_utils.laboratories.digit_reading import train_on_patches

    return train_on_patches(patchify)


@cache
def patch_lab():
    """Open the laboratory of notebook 11.

    Returns
    -------
    Lab
        Functions ``patchify(images, size) -> patches`` behind the letters A to F.

    Examples
    --------
    >>> lab = patch_lab()
    >>> lab.labels, lab.probes
    (('A', 'B', 'C', 'D', 'E', 'F'), ('order', 'inside', 'channels', 'images'))
    """
    return Lab(kinds=KINDS, probes=PROBES, train=_train, seed=11,
               hidden=(RIGHT, "patches column by column", "patches from the bottom", "cut without permute",
                       "pixels column by column", "channels last"))

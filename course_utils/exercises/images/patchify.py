"""Exercise of notebook 11: cut images into patches."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded


def patchify(images, size):
    """The course's own, imported when it is called: PyTorch takes a second."""
    from course_utils.models.vision import patchify

    return patchify(images, size)


def patchify_by_stages(images, size, *, axes=lambda B, C, r, c, s: (B, C, r, s, c, s), grid=(2, 4), inside=(1, 3, 5),
                       given=lambda images: images, finish=lambda patches: patches):
    """Cut in stages that can be replaced one by one.

    The axes are 0 image, 1 channel, 2 row of patches, 3 row in the patch, 4 column of patches, 5 column in the patch.
    """
    images = given(images)
    B, C, height, width = images.shape
    cut = images.reshape(axes(B, C, height // size, width // size, size))
    return finish(cut.permute(0, *grid, *inside).reshape(B, -1, C * size * size))


def _counted(*shape):
    import torch

    return torch.arange(1.0, 1 + torch.Size(shape).numel()).reshape(shape)


def _cases():
    return (
        Case((_counted(1, 1, 4, 4), 2), note="one image of 4 x 4 pixels, numbered from 1"),
        Case((_counted(1, 1, 2, 6), 2), note="2 x 6 pixels: three patches side by side"),
        Case((_counted(1, 2, 2, 4), 2), note="two channels"),
        Case((_counted(2, 1, 4, 2), 2), note="two images"),
        Case((_counted(1, 3, 2, 3), 1), note="patches of one pixel"),
        Case((_counted(1, 2, 3, 3), 3), note="one patch, as large as the image"),
        Case((*draw((2, 3, 8, 4), seed=171), 4), note="patches of 4 x 4 pixels"),
    )


# --- properties ---


def _a_square_is_one_patch(call):
    import torch

    image = torch.zeros(1, 1, 4, 6)
    image[0, 0, :2, 2:4] = 1.0
    means = call(image, 2)[0].mean(-1)
    if means.shape != (6,) or not torch.equal(means, torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0, 0.0])):
        return Broken("a square of ink should be one patch, and all others should be empty",
                      f"4 x 6 pixels, ink in rows 0 and 1, columns 2 and 3: the means of the patches are "
                      f"{rounded(means.detach())}, wanted [0, 1, 0, 0, 0, 0]")


def _images_stay_apart(call):
    images, = draw((3, 2, 4, 6), seed=72)
    together, alone = call(images, 2), call(images[1:2], 2)
    if not (together[1] - alone[0]).abs().max() < 1e-6:
        return Broken("an image should be cut as if it were alone",
                      f"patch 0 of image 1, alone: {rounded(alone[0, 0].detach())}, in a batch of three: "
                      f"{rounded(together[1, 0].detach())}")


# --- right answers in other words ---


def _unfold(images, size):
    from torch.nn import functional as F

    return F.unfold(images, size, stride=size).transpose(1, 2)


def _tensor_unfold(images, size):
    return images.unfold(2, size, size).unfold(3, size, size).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


def _loops(images, size):
    import torch

    _, _, height, width = images.shape
    patches = [images[:, :, i:i + size, j:j + size].flatten(1)
               for i in range(0, height, size) for j in range(0, width, size)]
    return torch.stack(patches, dim=1)


def _filled(images, size):
    B, C, height, width = images.shape
    patches = images.new_zeros(B, (height // size) * (width // size), C * size * size)
    n = 0
    for i in range(height // size):
        for j in range(width // size):
            patches[:, n] = images[..., i * size:(i + 1) * size, j * size:(j + 1) * size].reshape(B, -1)
            n += 1
    return patches


def _image_after_image(images, size):
    import torch

    return torch.stack([torch.cat([torch.stack([piece.flatten() for piece in row.split(size, -1)])
                                   for row in image.split(size, 1)]) for image in images])


def _einsum(images, size):
    import torch

    B, C, height, width = images.shape
    cut = images.unflatten(3, (width // size, size)).unflatten(2, (height // size, size))
    return torch.einsum("bkrycx->brckyx", cut).reshape(B, -1, C * size ** 2)


def _swapped_in_steps(images, size):
    B, C, height, width = images.shape
    x = images.contiguous().view(B, C, height // size, size, width // size, size)
    x = x.transpose(3, 4)  # B, C, rows, columns, size, size
    x = x.reshape(B, C, -1, size * size).transpose(1, 2)
    return x.flatten(2)


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, variants=(), **changes):
    return Mistake(name, cause, experiment, function, None if function else changes, variants=variants)


def _view_only(images, size):
    return images.reshape(len(images), -1, images.shape[1] * size * size)


def _strips_of_each_channel(images, size):
    B, C = images.shape[:2]
    return images.reshape(B, C, -1, size * size).transpose(1, 2).reshape(B, -1, C * size * size)


def _permuted(*order):
    def answer(images, size):
        B, C, height, width = images.shape
        cut = images.reshape(B, C, height // size, size, width // size, size)
        return cut.permute(*order).reshape(B, -1, C * size * size)

    return answer


def _exchanged(images, size):
    B, C, height, width = images.shape
    cut = images.reshape(B, C, size, height // size, size, width // size)
    return cut.permute(0, 3, 5, 1, 2, 4).reshape(B, -1, C * size * size)


def _exchanged_and_permuted(images, size):
    B, C, height, width = images.shape
    cut = images.reshape(B, C, size, height // size, size, width // size)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(B, size * size, -1)


def _first_channel(images, size):
    return patchify_by_stages(images[:, :1].expand_as(images), size)


def _overlapping(images, size):
    from torch.nn import functional as F

    return F.unfold(images, size).transpose(1, 2)


def _averaged(images, size):
    from torch.nn import functional as F

    return F.avg_pool2d(images, size).flatten(2).transpose(1, 2)


def _grid_kept(images, size):
    B, _, height, width = images.shape
    return patchify_by_stages(images, size).reshape(B, height // size, width // size, -1)


def _pixels_kept(images, size):
    B, C, _, _ = images.shape
    return patchify_by_stages(images, size).reshape(B, -1, C, size, size)


def _batch_lost(images, size):
    return patchify_by_stages(images, size).flatten(0, 1)


_NUMBERED = "Cut `torch.arange(16.0).reshape(1, 1, 4, 4)` and find pixel 4, the one below pixel 0, in your result."
_CHANNELS = "Cut an image with two channels, one of zeros and one of ones, and print a patch."
_SHAPE = "Print the shape of your result for an image of 4 x 6 pixels and size 2: 6 patches of 4 pixels."

_MISTAKES = (
    _mistake("view-only", "The numbers are only regrouped in the order in which they lie in memory: strips of pixels "
             "side by side, and no squares.", _NUMBERED, _view_only, variants=(_strips_of_each_channel,)),
    _mistake("patches-column-by-column", "The patches come column by column; reading order goes along a row first.",
             "Print the first pixel of each patch for an image whose pixels are numbered.", grid=(4, 2)),
    _mistake("pixels-column-by-column", "The pixels of a patch come column by column: each patch is turned over its "
             "diagonal.", _NUMBERED, inside=(1, 5, 3)),
    _mistake("image-turned", "Rows and columns have changed places, of the patches and of the pixels in them: the "
             "image is turned over its diagonal.", _NUMBERED, _permuted(0, 4, 2, 1, 5, 3)),
    _mistake("channels-last", "The channels come pixel by pixel; all pixels of one channel come before the next.",
             _CHANNELS, inside=(3, 5, 1)),
    _mistake("channels-last-and-turned", "The channels come pixel by pixel, and the pixels column by column.",
             _CHANNELS, inside=(5, 3, 1)),
    _mistake("channels-in-the-middle", "The channels come between the rows of a patch; all pixels of one channel "
             "come before the next.", _CHANNELS, inside=(3, 1, 5)),
    _mistake("channels-not-moved", "The axis of the channels still stands before those of the patches, so the patches "
             "of one channel are taken for patches of their own.", _CHANNELS, _permuted(0, 1, 2, 4, 3, 5)),
    _mistake("rows-of-pixels-first", "The rows inside a patch stand before the columns of patches, so strips of the "
             "whole width are cut.", _NUMBERED, _permuted(0, 2, 3, 1, 4, 5),
             variants=(_permuted(0, 2, 3, 4, 1, 5), _permuted(0, 2, 3, 4, 5, 1), _permuted(0, 2, 1, 3, 4, 5))),
    _mistake("columns-of-pixels-first", "The columns inside a patch stand before the rows of patches, so strips of the "
             "whole height are cut.", _NUMBERED, _permuted(0, 4, 5, 1, 2, 3),
             variants=(_permuted(0, 4, 5, 2, 3, 1), _permuted(0, 4, 1, 5, 2, 3))),
    _mistake("count-and-size-exchanged", "The number of patches and their size have changed places in the reshape, so "
             "a patch holds pixels from all over the image.", _NUMBERED, _exchanged,
             variants=(_exchanged_and_permuted,)),
    _mistake("images-mixed", "The axis of the patches stands before that of the images: images get each other's "
             "patches.", "Cut two images, one of zeros and one of ones, and print the mean of each result.",
             _permuted(2, 4, 0, 1, 3, 5), variants=(_permuted(2, 0, 4, 1, 3, 5),)),
    _mistake("transposed", "Patches and pixels have changed places: `F.unfold` gives the pixels first.", _SHAPE,
             finish=lambda patches: patches.transpose(1, 2)),
    _mistake("overlapping", "The patches overlap: each begins one pixel after the one before.", _SHAPE, _overlapping),
    _mistake("averaged", "Each patch has become its mean; all of its pixels are wanted.", _SHAPE, _averaged),
    _mistake("first-channel-only", "Only the first channel is read, again and again.", _CHANNELS, _first_channel),
    _mistake("from-the-bottom", "The image is upside down: its lowest row comes first.", _NUMBERED,
             given=lambda images: images.flip(2)),
    _mistake("mirrored", "The image is mirrored: its last column comes first.", _NUMBERED,
             given=lambda images: images.flip(3)),
    _mistake("grid-kept", "Rows and columns of patches still have an axis each; one axis for all patches is wanted.",
             _SHAPE, _grid_kept),
    _mistake("pixels-kept", "A patch still has axes for channels, rows and columns; it should be one row of numbers.",
             _SHAPE, _pixels_kept),
    _mistake("images-run-together", "The patches of all images stand in one long list; the axis of the images should "
             "stay.", _SHAPE, _batch_lost),
    _mistake("detached", "The result is cut off from the images: no gradient reaches them.",
             "Look for `detach`, `no_grad`, `.data`, NumPy or `torch.tensor(...)` on the way.",
             finish=lambda patches: patches.detach()),
)

BATTERY = Battery(
    sizes=lambda s: (*draw(((s.lead or (1,))[0], s.H, s.T * s.d_k, s.S * s.d_k), seed=s.seed, dtype=s.dtype), s.d_k),
    arguments=("images", "size"),
    reference=patchify,
    without={**reasons.ONE_BATCH, "scores": "nothing is scored", **reasons.PLAIN},
)

PATCHIFY = Exercise(
    name="patchify",
    title="Cut images into patches",
    notebook="11_images",
    signature="patchify(images, size)",
    reference=patchify,
    arrays="torch",
    returns=(Returns("patches", "(B, N, C * size * size)"),),
    cases=_cases,
    probes=(
        Probe("a square of ink is one patch", _a_square_is_one_patch),
        Probe("images do not mix", _images_stay_apart),
    ),
    battery=BATTERY,
    stages=patchify_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("unfold", _unfold),
        Equivalent("tensor-unfold", _tensor_unfold),
        Equivalent("loops", _loops),
        Equivalent("filled", _filled),
        Equivalent("image-after-image", _image_after_image),
        Equivalent("einsum", _einsum),
        Equivalent("in-steps", _swapped_in_steps),
    ),
    hints=(
        "First split height and width into two axes each: which patch, and where in the patch. That makes six axes. "
        "In which order should they stand, before some of them become one?",
        "`cut = images.reshape(B, C, height // size, size, width // size, size)`, then `cut.permute(...)`: image, row "
        "of patches, column of patches, channel, row in the patch, column in the patch; then a last `reshape`.",
        "`return cut.permute(0, 2, 4, 1, 3, 5).reshape(B, -1, C * size * size)`, with `cut` as in hint 2.",
    ),
    minutes=12,
    points=2,
)

EXERCISES = (PATCHIFY,)

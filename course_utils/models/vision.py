"""A Vision Transformer for small images: patches become tokens, and a token that stands first reads the answer."""

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.datasets.handwriting import split_digits
from course_utils.models.training import train
from course_utils.models.writer import Block, Norm, Parts
from course_utils.shapes import check_shape, check_whole

__all__ = ["PatchReader", "blank", "blanking_orders", "class_token_first", "cls_picture", "patchify", "share_right",
           "train_patch_reader"]

BATCH, NOISE = 64, 0.1  # images of a step; spread of the noise that is added to each pixel in training


def patchify(images, size):
    """Cut images into square patches, each a row of numbers.

    Parameters
    ----------
    images : Tensor, shape (B, C, height, width)
        C channels, such as 1 for ink or 3 for red, green and blue.
    size : int
        Rows and columns of pixels in a patch; divides height and width.

    Returns
    -------
    Tensor, shape (B, N, C * size * size)
        Patches in reading order, N = (height / size) * (width / size); in each, channel after channel, its pixels in
        reading order.

    Raises
    ------
    ValueError
        If `size` does not divide height and width.

    References
    ----------
    Dosovitskiy et al. (2020), "An Image is Worth 16x16 Words", section 3.1.

    Examples
    --------
    >>> patchify(torch.arange(16.0).reshape(1, 1, 4, 4), 2)[0].tolist()[:2]
    [[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]
    """
    check_shape("images", images, "B C height width")
    check_whole("size", size, 1)
    B, C, height, width = images.shape
    if height % size or width % size:
        raise ValueError(f"size should divide height and width, got size={size} for images of {height} by {width}")
    cut = images.reshape(B, C, height // size, size, width // size, size)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(B, -1, C * size * size)


def class_token_first(x, cls, positions):
    """Put the class token before the patches, then add a position to every token.

    Parameters
    ----------
    x : Tensor, shape (B, N, d_model)
        Features of the patches.
    cls : Tensor, shape (d_model,)
        The class token, the same before every image.
    positions : Tensor, shape (N + 1, d_model)
        One for each token, the class token's first.

    Returns
    -------
    Tensor, shape (B, N + 1, d_model)
    """
    return torch.cat([cls.expand(len(x), 1, -1), x], dim=1) + positions


def cls_picture(weights, rows, columns):
    """Lay the weights of the class token out over the image.

    Parameters
    ----------
    weights : Tensor, shape (B, H, 1 + N, 1 + N)
        Attention of one layer; token 0 is the class token.
    rows, columns : int
        How the N patches lie, in reading order: N = rows * columns.

    Returns
    -------
    Tensor, shape (B, H, rows, columns)
        How much the class token, as a query, looks at each patch. Their sum is 1 minus its weight on itself.
    """
    return weights[:, :, 0, 1:].reshape(*weights.shape[:2], rows, columns)


class PatchReader(nn.Module):
    """Read a digit from the patches of its image.

    Parameters
    ----------
    n_patches, width : int
        Patches of an image, and numbers in each.
    d_model, n_heads, n_blocks : int
        Width of each token (features), heads in a block, blocks.
    positioned : bool
        Whether tokens get a position.
    parts : Parts, optional
        The functions that it is made of; the course's when left out.
    class_token : callable
        As `class_token_first`.

    Examples
    --------
    >>> scores, weights = PatchReader()(torch.zeros(2, 16, 4))
    >>> scores.shape, len(weights), weights[0].shape
    (torch.Size([2, 10]), 2, torch.Size([2, 4, 17, 17]))
    """

    def __init__(self, n_patches=16, width=4, d_model=48, n_heads=4, n_blocks=2, positioned=True, parts=None,
                 class_token=class_token_first):
        super().__init__()
        parts = parts or Parts()
        self.class_token = class_token
        self.features = nn.Linear(width, d_model)
        self.cls = nn.Parameter(0.02 * torch.randn(d_model))
        self.positions = nn.Parameter(0.1 * torch.randn(n_patches + 1, d_model), requires_grad=positioned)
        if not positioned:
            nn.init.zeros_(self.positions)
        self.blocks = nn.ModuleList(Block(d_model, n_heads, parts=parts) for _ in range(n_blocks))
        self.norm = Norm(d_model, parts.norm)
        self.out = nn.Linear(d_model, 10)

    def forward(self, patches):
        """Score every digit.

        Parameters
        ----------
        patches : Tensor, shape (B, N, width)
            As `patchify` gives them.

        Returns
        -------
        scores : Tensor, shape (B, 10)
            Before the softmax, read from the class token.
        weights : list of Tensor, each of shape (B, H, N + 1, N + 1)
            The attention of each block.
        """
        x, tables = self.class_token(self.features(patches), self.cls, self.positions), []
        for block in self.blocks:
            x, weights = block(x)
            tables.append(weights)
        return self.out(self.norm(x[:, 0])), tables


def train_patch_reader(model, epochs=30, seed=0, bar=True, patchify=patchify):
    """Train a model on the digits that are not held out, in place.

    Parameters
    ----------
    model : PatchReader
    epochs : int
        How often each image is seen, each time with other noise.
    seed : int
        Of the order and the noise.
    bar : bool
        Whether to show a progress bar.
    patchify : callable
        Cuts the images, once.

    Returns
    -------
    History
        Interrupting the kernel ends the run early and keeps what was learnt.
    """
    images, digits = map(torch.from_numpy, split_digits()[0])
    patches = patchify(images, 2)
    generator, order = torch.Generator().manual_seed(seed), []

    def batch_loss(step):
        if len(order) == 0:
            order.extend(torch.randperm(len(digits), generator=generator).split(BATCH))
        chosen = order.pop()
        noise = torch.randn(patches[chosen].shape, generator=generator)
        return F.cross_entropy(model(patches[chosen] + NOISE * noise)[0], digits[chosen])

    steps = epochs * -(-len(digits) // BATCH)
    return train(model, batch_loss, steps, bar=bar, description="learning digits")


@torch.no_grad()
def share_right(model, patches, digits):
    """Measure how often the likeliest digit is the right one.

    Parameters
    ----------
    model : callable
        ``model(patches) -> (scores, weights)``.
    patches : Tensor, shape (B, N, width)
    digits : Tensor of int, shape (B,)

    Returns
    -------
    float
        A share, from 0 to 1.
    """
    return (model(patches)[0].argmax(-1) == digits).float().mean().item()


def blank(patches, order, count):
    """Set the first patches of an order to 0: no ink.

    Parameters
    ----------
    patches : Tensor, shape (B, N, width)
    order : Tensor of int, shape (B, N)
        For each image the places of its patches, the first to go first.
    count : int
        How many go.

    Returns
    -------
    Tensor, shape (B, N, width)
        A new one.

    Examples
    --------
    >>> blank(torch.ones(1, 3, 2), torch.tensor([[2, 0, 1]]), 1)[0].tolist()
    [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]
    """
    gone = torch.zeros(patches.shape[:2], dtype=torch.bool).scatter(1, order[:, :count], True)
    return patches.masked_fill(gone[..., None], 0.0)


def blanking_orders(attended, ink, generator):
    """Put the patches of each image in several orders: which one to blank first.

    Parameters
    ----------
    attended : Tensor, shape (B, N)
        How much each patch is looked at.
    ink : Tensor, shape (B, N)
        How much ink it has.
    generator : torch.Generator
        For the orders by chance.

    Returns
    -------
    dict of str to Tensor of int, shape (B, N)
        ``"most attended"``, ``"least attended"``, ``"by chance"``, ``"by chance inked"`` (patches without ink come
        last) and ``"most inked"``.
    """
    chance = torch.rand(ink.shape, generator=generator)
    first = {"most attended": attended, "least attended": -attended, "by chance": chance,
             "by chance inked": chance + (ink > 0), "most inked": ink}
    return {way: scores.argsort(1, descending=True) for way, scores in first.items()}

"""Exercise of notebook 11: lay what the class token looks at over the image."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded, tensor


def cls_picture(weights, rows, columns):
    """The course's own, imported when it is called: PyTorch takes a second."""
    from course_utils.models.vision import cls_picture

    return cls_picture(weights, rows, columns)


def picture_by_stages(weights, rows, columns, *, look=lambda w: w[:, :, 0, 1:],
                      lay=lambda seen, rows, columns: seen.reshape(*seen.shape[:2], rows, columns),
                      finish=lambda picture: picture):
    """Lay weights out in stages that can be replaced one by one."""
    return finish(lay(look(weights), rows, columns))


def tables(B, H, T, seed, dtype="float32"):
    """Attention tables without a mask."""
    scores, = draw((B, H, T, T), seed=seed, dtype=dtype)
    return (2 * scores).softmax(-1)


def _cases():
    return (
        Case((tensor([[[[0.5, 0.375, 0.125], [0.25, 0.5, 0.25], [0.0, 0.75, 0.25]]]]), 1, 2),
             note="two patches side by side"),
        Case((tables(1, 1, 7, seed=191), 2, 3), note="two rows of three patches"),
        Case((tables(2, 3, 5, seed=192), 2, 2), note="two images, three heads"),
        Case((tables(1, 2, 2, seed=193), 1, 1), note="a single patch"),
    )


# --- properties ---


def _the_patch_that_is_looked_at(call):
    import torch

    weights = torch.zeros(1, 1, 7, 7)
    weights[..., 0] = 1.0
    weights[0, 0, 0] = 0.0
    weights[0, 0, 0, 6] = 1.0  # the class token looks at the last patch, all others at the class token
    got = call(weights, 2, 3)
    if tuple(got.shape) == (1, 1, 2, 3) and not (got[0, 0, 1, 2] == 1 and got.sum() == 1):
        return Broken("a class token that looks at the last patch only has all of its weight in the last cell",
                      f"2 x 3 patches: got {rounded(got[0, 0].detach())}")


def _what_is_missing_lies_on_itself(call):
    weights = tables(2, 2, 7, seed=92)
    got = call(weights, 3, 2).sum((-2, -1))
    wanted = 1 - weights[:, :, 0, 0]
    if not (got - wanted).abs().max() < 1e-5:
        return Broken("the cells should sum to 1 minus the weight of the class token on itself",
                      f"image 0, head 0: wanted {float(wanted[0, 0]):.3f}, got {float(got[0, 0]):.3f}")


# --- right answers in other words ---


def _unflattened(weights, rows, columns):
    return weights[:, :, 0, 1:].unflatten(-1, (rows, columns))


def _selected(weights, rows, columns):
    B, H, T, _ = weights.shape
    return weights.select(2, 0).narrow(2, 1, T - 1).contiguous().view(B, H, rows, columns)


def _cut_and_stacked(weights, rows, columns):
    import torch

    return torch.stack(weights[..., 0, 1:].split(columns, -1), dim=-2)


def _loops(weights, rows, columns):
    import torch

    return torch.stack([torch.stack([torch.stack([torch.stack([head[0, 1 + i * columns + j] for j in range(columns)])
                                                  for i in range(rows)]) for head in image]) for image in weights])


def _picked_by_a_product(weights, rows, columns):
    first = weights.new_zeros(weights.shape[-1])
    first[0] = 1.0
    return (first @ weights)[..., 1:].reshape(*weights.shape[:2], rows, columns)


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, variants=(), **changes):
    return Mistake(name, cause, experiment, function, None if function else changes, variants=variants)


def _down_the_columns(seen, rows, columns):
    return seen.reshape(*seen.shape[:2], columns, rows).mT


def _exchanged(seen, rows, columns):
    return seen.reshape(*seen.shape[:2], columns, rows)


_ROW = "Write a table of 3 tokens down, [CLS] and two patches, and mark the cells that you read."
_GRID = "Number six patches from 0 to 5 and lay them out in 2 rows of 3: where does patch 1 lie?"
_SHAPE = "Print the shape of your result for two images and three heads."

_MISTAKES = (
    _mistake("who-looks-at-it", "The column of the class token is read: how much each patch looks at it. Rows are "
             "queries.", _ROW, look=lambda w: w[:, :, 1:, 0]),
    _mistake("itself-counted", "The class token's weight on itself is counted as the first patch, and the last one "
             "is lost.", _ROW, look=lambda w: w[:, :, 0, :-1]),
    _mistake("last-token", "The last row is read: what the last patch looks at. The class token is token 0.", _ROW,
             look=lambda w: w[:, :, -1, 1:], variants=(lambda w, rows, columns: w[:, :, -1, :-1].reshape(
                 *w.shape[:2], rows, columns),)),
    _mistake("first-patch", "Row 1 is read: what the first patch looks at. The class token is token 0.", _ROW,
             look=lambda w: w[:, :, 1, 1:]),
    _mistake("mean-of-the-patches", "The mean over the patches is taken: what they look at, and not the class token.",
             _ROW, look=lambda w: w[:, :, 1:, 1:].mean(2)),
    _mistake("mean-of-all-queries", "The mean over all queries is taken; only the class token's row is wanted.", _ROW,
             look=lambda w: w[:, :, :, 1:].mean(2)),
    _mistake("diagonal", "The diagonal is read: how much each patch looks at itself.", _ROW,
             look=lambda w: w.diagonal(dim1=-2, dim2=-1)[..., 1:]),
    _mistake("down-the-columns", "The patches are laid out column by column; reading order goes along a row first.",
             _GRID, lay=_down_the_columns),
    _mistake("rows-and-columns-exchanged", "rows and columns have changed places.", _GRID, lay=_exchanged),
    _mistake("turned", "The picture is turned over its diagonal.", _GRID, finish=lambda p: p.mT),
    _mistake("upside-down", "The picture is upside down.", _GRID, finish=lambda p: p.flip(-2)),
    _mistake("normalised", "The weights were divided by their sum; the class token's weight on itself is left out, "
             "and the others stay as they are.", "Print the sum of your picture, and 1 minus `weights[0, 0, 0, 0]`.",
             finish=lambda p: p / p.sum((-2, -1), keepdim=True)),
    _mistake("largest-is-one", "The weights were divided by the largest.", "Print the largest number of your picture.",
             finish=lambda p: p / p.amax((-2, -1), keepdim=True)),
    _mistake("softmax-again", "A softmax was taken of weights, which come from one already.",
             "Print the sum of your picture, and 1 minus `weights[0, 0, 0, 0]`.",
             look=lambda w: w[:, :, 0, 1:].softmax(-1)),
    _mistake("heads-averaged", "The heads are averaged; one picture for each head is wanted.", _SHAPE,
             finish=lambda p: p.mean(1), variants=(lambda w, rows, columns: picture_by_stages(
                 w, rows, columns, finish=lambda p: p.mean(1, keepdim=True)),)),
    _mistake("images-averaged", "The images are averaged; one picture for each image is wanted.", _SHAPE,
             finish=lambda p: p.mean(0), variants=(lambda w, rows, columns: picture_by_stages(
                 w, rows, columns, finish=lambda p: p.mean(0, keepdim=True)),)),
    _mistake("first-image-only", "Only the first image is read.", _SHAPE, finish=lambda p: p[0],
             variants=(lambda w, rows, columns: picture_by_stages(w, rows, columns, finish=lambda p: p[:1]),)),
    _mistake("images-and-heads-exchanged", "Images and heads have changed places.", _SHAPE,
             finish=lambda p: p.transpose(0, 1)),
    _mistake("not-laid-out", "The patches still stand in one row; rows and columns of the picture are wanted.", _SHAPE,
             lay=lambda seen, rows, columns: seen),
    _mistake("detached", "The result is cut off from the weights.",
             "Look for `detach`, `no_grad`, `.data`, NumPy or `torch.tensor(...)` on the way.",
             finish=lambda p: p.detach()),
)

BATTERY = Battery(
    sizes=lambda s: (tables((s.lead or (1,))[0], s.H, 1 + s.T * s.S, s.seed, s.dtype), s.T, s.S),
    arguments=("weights", "rows", "columns"),
    reference=cls_picture,
    without={**reasons.ONE_BATCH, "scores": "weights go in, and no scores", **reasons.PLAIN},
)

CLS_PICTURE = Exercise(
    name="cls_picture",
    title="Lay what the class token looks at over the image",
    notebook="11_images",
    signature="cls_picture(weights, rows, columns)",
    reference=cls_picture,
    arrays="torch",
    returns=(Returns("picture", "(B, H, rows, columns)"),),
    cases=_cases,
    probes=(
        Probe("a look at the last patch is the last cell", _the_patch_that_is_looked_at),
        Probe("only the weight on itself is missing", _what_is_missing_lies_on_itself),
    ),
    battery=BATTERY,
    stages=picture_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("unflattened", _unflattened),
        Equivalent("selected", _selected),
        Equivalent("cut-and-stacked", _cut_and_stacked),
        Equivalent("loops", _loops),
        Equivalent("picked-by-a-product", _picked_by_a_product),
    ),
    hints=(
        "Rows are queries. Which row is that of the class token, and which of its weights belong to patches?",
        "`weights[:, :, 0, 1:]` has the shape (B, H, N). The patches stand in reading order, so one `reshape` lays "
        "them out.",
        "`return weights[:, :, 0, 1:].reshape(*weights.shape[:2], rows, columns)`.",
    ),
    minutes=6,
    points=1,
)

EXERCISES = (CLS_PICTURE,)

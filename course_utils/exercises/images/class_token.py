"""Exercise of notebook 11: a class token before the patches, and a position for every token."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded, tensor


def class_token_first(x, cls, positions):
    """The course's own, imported when it is called: PyTorch takes a second."""
    from course_utils.models.vision import class_token_first

    return class_token_first(x, cls, positions)


def _join(cls, x):
    import torch

    return torch.cat([cls, x], dim=1)


def tokens_by_stages(x, cls, positions, *, token=lambda cls: cls, join=_join, place=lambda positions: positions,
                     add=lambda x, positions: x + positions, finish=lambda x: x):
    """Put the class token first and add positions, in stages that can be replaced one by one."""
    return finish(add(join(token(cls).expand(len(x), 1, -1), x), place(positions)))


def _cases():
    return (
        Case((tensor([[[1.0, 2.0], [3.0, 4.0]]]), tensor([7.0, 9.0]),
              tensor([[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]])), note="one image of two patches"),
        Case((tensor([[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]]), tensor([7.0, 9.0]),
              tensor([[0.0, 0.0], [0.5, 0.25]])), note="three images of one patch"),
        Case((*draw((2, 4, 3), (3,), (5, 3), seed=181),), note="two images, four patches"),
        Case((*draw((3, 2, 3), (3,), (3, 3), seed=182),), note="as many images as tokens and features"),
    )


# --- properties ---


def _the_class_token_is_the_same(call):
    x, cls, positions = draw((3, 4, 5), (5,), (5, 5), seed=81)
    got = call(x, cls, positions)
    if tuple(got.shape) == (3, 5, 5) and not (got[:, 0] - got[:1, 0]).abs().max() < 1e-6:
        return Broken("token 0 should be the same in every image",
                      f"image 0: {rounded(got[0, 0].detach())}, image 1: {rounded(got[1, 0].detach())}")


def _patches_keep_their_order(call):
    import torch

    x, cls, positions = draw((1, 4, 3), (3,), (5, 3), seed=82)
    got = call(x, cls, 0 * positions)
    if tuple(got.shape) == (1, 5, 3) and not torch.allclose(got[0, 1:], x[0], atol=1e-6):
        return Broken("without positions the tokens after the first should be the patches as they came",
                      f"patch 0: {rounded(x[0, 0])}, token 1: {rounded(got[0, 1].detach())}")


# --- right answers in other words ---


def _positions_first(x, cls, positions):
    import torch

    first = (cls + positions[0]).reshape(1, 1, -1).repeat(x.shape[0], 1, 1)
    return torch.concatenate([first, x + positions[1:]], 1)


def _filled(x, cls, positions):
    B, N, d_model = x.shape
    tokens = x.new_empty(B, N + 1, d_model)
    tokens[:, 0] = cls
    tokens[:, 1:] = x
    return tokens + positions


def _padded(x, cls, positions):
    from torch.nn import functional as F

    tokens = F.pad(x, (0, 0, 1, 0))
    is_first = (tokens.new_tensor(range(tokens.shape[1])) == 0)[:, None]
    return tokens + is_first * cls + positions


def _loops(x, cls, positions):
    import torch

    return torch.stack([torch.stack([token + place for token, place in zip((cls, *image), positions)])
                        for image in x])


def _stacked(x, cls, positions):
    import torch

    return torch.vstack([torch.vstack([cls[None], image])[None] for image in x]).add(positions[None])


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, variants=(), **changes):
    return Mistake(name, cause, experiment, function, None if function else changes, variants=variants)


def _last(cls, x):
    import torch

    return torch.cat([x, cls], dim=1)


def _patches_only(x, positions):
    import torch

    return torch.cat([x[:, :1], x[:, 1:] + positions[1:]], 1)


def _patches_from_zero(x, positions):
    import torch

    return torch.cat([x[:, :1], x[:, 1:] + positions[:-1]], 1)


def _token_only(x, positions):
    import torch

    return torch.cat([x[:, :1] + positions[0], x[:, 1:]], 1)


def _in_place(x, cls, positions):
    x += positions[1:]
    return _join((cls + positions[0]).expand(len(x), 1, -1), x)


def _takes_the_place(x, cls, positions):
    return _join(cls.expand(len(x), 1, -1), x[:, 1:]) + positions[:-1]


def _first_image_only(x, cls, positions):
    import torch

    token = torch.cat([cls[None, None], 0 * cls.expand(len(x) - 1, 1, -1)])
    return _join(token, x) + positions


def _beside(x, cls, positions):
    import torch

    return torch.cat([x + positions[1:], cls.expand_as(x)], -1)


def _position_of_the_image(x, positions):
    return x + positions[[i % len(positions) for i in range(len(x))]][:, None]


_PRINT = "Call it with x of zeros, cls of ones and positions of 10, 20, 30, and print the tokens of image 0."

_MISTAKES = (
    _mistake("class-token-last", "The class token stands after the patches; it should be token 0.", _PRINT, join=_last),
    _mistake("class-token-replaces-a-patch", "The class token takes the place of patch 0; it should come before it.",
             "Print how many tokens come out for four patches: it should be five.", _takes_the_place),
    _mistake("class-token-added", "cls is added to every patch; it should be a token of its own.",
             "Print how many tokens come out for four patches: it should be five.",
             lambda x, cls, positions: x + cls + positions[1:],
             variants=(lambda x, cls, positions: x + cls + positions[:-1],)),
    _mistake("class-token-missing", "There is no class token: only the patches come out.",
             "Print how many tokens come out for four patches: it should be five.",
             lambda x, cls, positions: x + positions[1:],
             variants=(lambda x, cls, positions: x + positions[:-1],)),
    _mistake("class-token-of-zeros", "Token 0 is made of zeros; cls is not used.", _PRINT, token=lambda cls: 0 * cls),
    _mistake("class-token-of-ones", "Token 0 is made of ones; cls is not used.", _PRINT, token=lambda cls: 0 * cls + 1),
    _mistake("mean-as-class-token", "Token 0 is the mean of the patches; cls is not used.", _PRINT,
             lambda x, cls, positions: _join(x.mean(1, keepdim=True), x) + positions),
    _mistake("first-image-only", "Only the first image has the class token.",
             "Print token 0 of every image in a batch of two.", _first_image_only),
    _mistake("class-token-beside", "cls stands beside the features of each patch; it should be a token of its own.",
             "Print the shape of your result: the last axis should be d_model.", _beside),
    _mistake("positions-missing", "No positions are added.", _PRINT, place=lambda positions: 0 * positions),
    _mistake("class-token-without-position", "The class token gets no position: positions[0] is its own.", _PRINT,
             add=_patches_only),
    _mistake("positions-one-early", "The patches get the positions from 0 on, and the class token none.", _PRINT,
             add=_patches_from_zero),
    _mistake("patches-without-positions", "Only the class token gets a position.", _PRINT, add=_token_only),
    _mistake("positions-rolled", "The class token gets the last position, and the patches those before.", _PRINT,
             place=lambda positions: positions.roll(1, 0)),
    _mistake("positions-from-the-end", "The positions are added in the opposite order.", _PRINT,
             place=lambda positions: positions.flip(0)),
    _mistake("one-position-for-all", "Every token gets the first position.", _PRINT,
             place=lambda positions: positions[:1]),
    _mistake("position-of-the-image", "All tokens of an image get the position with the number of the image: it was "
             "added along the batch.", "Print the differences between the tokens of x and of your result.",
             add=_position_of_the_image),
    _mistake("positions-multiplied", "The tokens are multiplied by their positions; they should be added.", _PRINT,
             add=lambda x, positions: x * positions),
    _mistake("positions-twice", "The positions are added twice.", _PRINT, place=lambda positions: 2 * positions),
    _mistake("tokens-turned", "The tokens come out in the opposite order.", _PRINT, finish=lambda x: x.flip(1)),
    _mistake("in-place", "x += writes into the tensor of the caller.", "Call it twice with the same x and compare.",
             _in_place),
    _mistake("detached", "The result is cut off from x, cls and positions: none of them can learn.",
             "Look for `detach`, `no_grad`, `.data`, NumPy or `torch.tensor(...)` on the way.",
             finish=lambda x: x.detach()),
    _mistake("class-token-detached", "The class token is cut off: it cannot learn.",
             "Look for `detach`, `no_grad`, `.data` or `torch.tensor(...)` around cls.",
             token=lambda cls: cls.detach()),
)

BATTERY = Battery(
    sizes=lambda s: draw(((s.lead or (1,))[0], s.T, s.d_model), (s.d_model,), (s.T + 1, s.d_model), seed=s.seed,
                         dtype=s.dtype),
    arguments=("x", "cls", "positions"),
    reference=class_token_first,
    without={**dict.fromkeys(("T > S", "T < S", "one key"), "tokens do not look at each other here: there are no keys"),
             **reasons.ONE_BATCH, "scores": "nothing is scored", **reasons.PLAIN},
)

CLASS_TOKEN_FIRST = Exercise(
    name="class_token_first",
    title="Put a class token first and add positions",
    notebook="11_images",
    signature="class_token_first(x, cls, positions)",
    reference=class_token_first,
    arrays="torch",
    returns=(Returns("tokens", "(B, N + 1, d_model)"),),
    cases=_cases,
    probes=(
        Probe("the class token is the same in every image", _the_class_token_is_the_same),
        Probe("the patches keep their order", _patches_keep_their_order),
    ),
    battery=BATTERY,
    stages=tokens_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("positions-first", _positions_first),
        Equivalent("filled", _filled),
        Equivalent("padded", _padded),
        Equivalent("loops", _loops),
        Equivalent("stacked", _stacked),
    ),
    hints=(
        "`torch.cat` puts tensors one after the other along an axis. Which axis is that of the tokens, and which shape "
        "must cls have to stand there, once for each image?",
        "`cls.expand(B, 1, -1)` has the shape (B, 1, d_model). Positions fit all N + 1 tokens: add them last.",
        "`return torch.cat([cls.expand(len(x), 1, -1), x], dim=1) + positions`.",
    ),
    minutes=6,
    points=1,
)

EXERCISES = (CLASS_TOKEN_FIRST,)

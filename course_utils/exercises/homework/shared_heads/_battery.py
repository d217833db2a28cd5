"""Inputs of the battery for heads that share keys: d_k = 1 where the scale should not count."""

from course_utils.checks import Case
from course_utils.exercises.battery import Battery, narrow, reasons
from course_utils.exercises.families.shared import draw, tensor

__all__ = ["grouped_battery"]


def _qkv(B, H, T, S, d_k, d_v, seed, shared=2, dtype="float32"):
    return draw((B, H * shared, T, d_k), (B, H, S, d_k), (B, H, S, d_v), seed=seed, dtype=dtype)


def _rows(*rows):
    return tensor([[x == "x" for x in row] for row in rows])


def _under_masks(masks):
    def qkv(seed, B=2, T=3, H=2):
        return _qkv(B, H, T, 4, 1, 3, seed)

    decoder = tensor([[[[j <= i and j >= n for j in range(4)] for i in range(4)]] for n in (2, 0)])
    second = tensor([[[[True] * 4]], [[[True, False, True, False]]]])
    heads = tensor([[[True] * 4] * 3, [[True] * 3 + [False]] * 3, [[False] + [True] * 3] * 3, [[True, False] * 2] * 3])
    return [(regime, Case((*args, mask), note=note, part=part)) for regime, args, mask, note, part in (
        ("a single key", qkv(431), _rows("x-xx", "-x--", "xxx-"), "a key alone in row 1", masks),
        ("holes", qkv(432), _rows("x-x-", "xx--", "-xxx"), "a mask of shape (3, 4), holes", masks),
        ("item 0 unpadded", qkv(433), second, "the first item needs no mask", masks),
        ("one query, masked", qkv(434, T=1), second, "a single query in each item", masks),
        ("no key", qkv(435), _rows("xx-x", "----", "-xxx"), "row 1 sees no key", ""),
        ("left padding", qkv(436, T=4), decoder, "two rows see no key", ""),
        ("a mask for each head", qkv(437), heads, "a mask of shape (4, 3, 4)", ""))] + [
        ("arguments by name", Case(qkv(438), {"mask": _rows("x-x-", "xx--", "-xxx")}, "the mask by name", masks))]


def _of_sizes(scale):
    def make(s):
        equal = s.T == s.S == s.d_k
        args = _qkv(s.items, s.H, s.T, s.S, s.d_k if equal else 1, s.d_v, s.seed, shared=1 if equal else 2,
                    dtype=s.dtype)
        return Case(args, part=scale if equal else "")

    return make


def _scored(table, values, mask):
    q, k = narrow(table, "torch")
    return q.expand(1, 2, *q.shape), k[None, None], tensor(values)[None, None], tensor(mask)


def grouped_battery(reference, shared, scale, masks, rest):
    """Give the battery of `grouped_query_attention`, with the parts of the points that its inputs decide."""
    return Battery(
        sizes=_of_sizes(scale),
        scores=_scored,
        masked=True,
        own=lambda: _under_masks(masks),
        arguments=("q", "k", "v", "mask"),
        reference=reference,
        without={**reasons.ONE_BATCH, "long": reasons.PLAIN["long"]},
        part=rest,
        parts={"in numbers": shared, "hidden far above": masks},
    )

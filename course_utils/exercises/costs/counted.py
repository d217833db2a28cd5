"""Exercise of notebook 12: count what attention takes before anything is computed."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery


def attention_cost(B, H, T, S, d_k, d_v, size=4):
    """The course's own, imported when it is called: PyTorch takes a second."""
    from course_utils.models.cheap_attention import attention_cost

    return attention_cost(B, H, T, S, d_k, d_v, size)


def cost_by_stages(B, H, T, S, d_k, d_v, size=4, *, products=lambda B, H, T, S, d_k, d_v: B * H * T * S * (d_k + d_v),
                   table=lambda B, H, T, S, d_k, d_v: B * H * T * S,
                   kept=lambda B, H, T, S, d_k, d_v: B * H * S * (d_k + d_v), unit=lambda size: size):
    """The three counts in stages that can be replaced one by one."""
    sizes = B, H, T, S, d_k, d_v
    return products(*sizes), table(*sizes) * unit(size), kept(*sizes) * unit(size)


def _cases():
    return (
        Case((1, 1, 2, 3, 5, 7), note="one head, two queries, three keys, widths 5 and 7"),
        Case((1, 1, 1, 1, 1, 1), note="a single number everywhere"),
        Case((2, 3, 4, 5, 6, 7), note="two items, three heads"),
        Case((1, 12, 512, 512, 64, 64), note="512 tokens, 12 heads of width 64"),
        Case((1, 1, 1, 1000, 64, 32), note="one new query over 1000 keys"),
    )


# --- properties ---


def _twice(call):
    once = dict(B=2, H=3, T=5, S=7, d_k=11, d_v=13)
    before = [int(x) for x in call(*once.values())]
    # How often each count doubles with a size: multiplications, table, cache.
    for name, says, wanted in (
            ("T", "twice as many queries double multiplications and table, and leave the cache", (2, 2, 1)),
            ("S", "twice as many keys double all three", (2, 2, 2)),
            ("H", "twice as many heads of the same width double all three", (2, 2, 2)),
            ("B", "twice as many items double all three", (2, 2, 2))):
        after = [int(x) for x in call(*{**once, name: 2 * once[name]}.values())]
        if any(b != w * a for a, b, w in zip(before, after, wanted)):
            return Broken(says, f"{name} = {once[name]}: {tuple(before)}; {name} = {2 * once[name]}: {tuple(after)}")


def _one_of_everything(call):
    got = tuple(int(x) for x in call(1, 1, 1, 1, 1, 1))
    if got != (2, 4, 8):
        return Broken("one query, one key and widths of 1 take 2 multiplications, a table of 4 bytes, and 8 bytes for "
                      "the key and the value", f"got {got}")


def _each_width(call):
    narrow, keys, values = (tuple(int(x) for x in call(1, 2, 3, 5, *widths)) for widths in ((4, 4), (8, 4), (4, 8)))
    for wide, name in ((keys, "d_k"), (values, "d_v")):
        if (wide[0] - narrow[0], wide[1] - narrow[1], wide[2] - narrow[2]) != (120, 0, 160):
            return Broken(f"4 more numbers in {name} cost 4 multiplications for each cell of a table, no larger table, "
                          "and 16 bytes for each key", f"2 heads, 3 queries, 5 keys: {narrow} becomes {wide}")


def _smaller_numbers(call):
    four, two = (tuple(int(x) for x in call(2, 3, 4, 5, 6, 7, size)) for size in (4, 2))
    if four[0] != two[0] or four[1] != 2 * two[1] or four[2] != 2 * two[2]:
        return Broken("numbers of 2 bytes need half the memory of numbers of 4, and as many multiplications",
                      f"size 4: {four}; size 2: {two}")


# --- right answers in other words ---


def _looped(B, H, T, S, d_k, d_v, size=4):
    multiplications = table = cache = 0
    for _ in range(B):
        for _ in range(H):
            for _ in range(T):  # one row of the table
                multiplications += S * d_k + d_v * S
                table += S * size
            for width in (d_k, d_v):
                cache += S * width * size
    return multiplications, table, cache


def _by_shapes(B, H, T, S, d_k, d_v, size=4):
    from math import prod

    weights, keys, values = (B, H, T, S), (B, H, S, d_k), (B, H, S, d_v)
    return prod(weights) * d_k + prod(weights) * d_v, size * prod(weights), size * (prod(keys) + prod(values))


def _in_floats(B, H, T, S, d_k, d_v, size=4):
    scores = float(B * H * T * S * d_k)
    return scores + scores * d_v / d_k, float(B * H * T * S * size), size * (d_k + d_v) * float(B * H * S)


def _as_list(B, H, T, S, d_k, d_v, size=4):
    import numpy as np

    heads = np.int64(B) * H
    return [heads * T * (d_k + d_v) * S, heads * T * S * size, heads * S * (d_v + d_k) * size]


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


_CELL = "Take one query, one key and widths of 1: how often is something multiplied?"
_TABLE = "Draw the table for 2 queries and 3 keys: how many cells, and how many bytes in each?"
_KEPT = "Write the shapes of k and v down, heads included, and multiply."


def _squares(B, H, T, S, d_k, d_v, size=4):
    return cost_by_stages(B, H, T, T, d_k, d_v, size)


def _one_head(B, H, T, S, d_k, d_v, size=4):
    return cost_by_stages(B, 1, T, S, d_k, d_v, size)


def _one_item(B, H, T, S, d_k, d_v, size=4):
    return cost_by_stages(1, H, T, S, d_k, d_v, size)


def _split_widths(B, H, T, S, d_k, d_v, size=4):
    return cost_by_stages(B, H, T, S, d_k // H, d_v // H, size)


_MISTAKES = (
    _mistake("scores-only", "Only the product of queries and keys is counted; the weights multiply the values as well.",
             _CELL, products=lambda B, H, T, S, d_k, d_v: B * H * T * S * d_k),
    _mistake("values-only", "Only the product of weights and values is counted; the scores take multiplications too.",
             _CELL, products=lambda B, H, T, S, d_k, d_v: B * H * T * S * d_v),
    _mistake("additions-too", "Each multiplication is counted twice, as if its addition were one.", _CELL,
             products=lambda B, H, T, S, d_k, d_v: 2 * B * H * T * S * (d_k + d_v)),
    _mistake("d-k-twice", "Both products are given the width d_k; the values have the width d_v.",
             "Write the shapes of the two products down, with d_k = 5 and d_v = 7.",
             products=lambda B, H, T, S, d_k, d_v: 2 * B * H * T * S * d_k),
    _mistake("d-v-twice", "Both products are given the width d_v; queries and keys have the width d_k.",
             "Write the shapes of the two products down, with d_k = 5 and d_v = 7.",
             products=lambda B, H, T, S, d_k, d_v: 2 * B * H * T * S * d_v),
    _mistake("widths-multiplied", "The two widths are multiplied; the products come one after the other, so they add.",
             _CELL, products=lambda B, H, T, S, d_k, d_v: B * H * T * S * d_k * d_v),
    _mistake("widths-not-counted", "A cell of the table is counted as one multiplication; a dot product takes d_k.",
             "How many multiplications are in the dot product of two vectors of width 5?",
             products=lambda B, H, T, S, d_k, d_v: 2 * B * H * T * S),
    _mistake("scaling-counted", "The division by the root of d_k is counted as well; asked for are the two products.",
             _CELL, products=lambda B, H, T, S, d_k, d_v: B * H * T * S * (d_k + d_v + 1)),
    _mistake("no-keys-in-the-products", "The products are counted for one key.",
             "Double the number of keys: what should become of the multiplications?",
             products=lambda B, H, T, S, d_k, d_v: B * H * T * (d_k + d_v)),
    _mistake("heads-missing-in-the-products", "The multiplications are those of a single head.",
             "Double the number of heads: what should become of the multiplications?",
             products=lambda B, H, T, S, d_k, d_v: B * T * S * (d_k + d_v)),
    _mistake("two-tables", "Two tables are counted, scores and weights; asked for is one.", _TABLE,
             table=lambda B, H, T, S, d_k, d_v: 2 * B * H * T * S),
    _mistake("table-with-a-width", "The table is given a width: a cell holds one number.", _TABLE,
             table=lambda B, H, T, S, d_k, d_v: B * H * T * S * d_k),
    _mistake("one-table-for-all-heads", "One table is counted for all heads; each head has its own.", _TABLE,
             table=lambda B, H, T, S, d_k, d_v: B * T * S),
    _mistake("one-table-for-all-items", "One table is counted for all items; each has its own.", _TABLE,
             table=lambda B, H, T, S, d_k, d_v: H * T * S),
    _mistake("half-a-table", "Half of the table is counted, as under a causal mask; it is made whole all the same.",
             _TABLE, table=lambda B, H, T, S, d_k, d_v: B * H * T * S / 2),
    _mistake("outputs-for-table", "The bytes are those of the output, T times d_v, not those of the table.", _TABLE,
             table=lambda B, H, T, S, d_k, d_v: B * H * T * d_v),
    _mistake("keys-only", "Only the keys are kept; a later query needs the values as well.", _KEPT,
             kept=lambda B, H, T, S, d_k, d_v: B * H * S * d_k),
    _mistake("values-alone-kept", "Only the values are kept; a later query needs the keys as well.", _KEPT,
             kept=lambda B, H, T, S, d_k, d_v: B * H * S * d_v),
    _mistake("keys-twice", "Values are counted with the width of the keys.", _KEPT,
             kept=lambda B, H, T, S, d_k, d_v: 2 * B * H * S * d_k),
    _mistake("cache-of-queries", "The cache is counted for the T queries; what is kept are the S keys and values.",
             "For one new query over 1000 keys: of how many tokens are keys kept?",
             kept=lambda B, H, T, S, d_k, d_v: B * H * T * (d_k + d_v)),
    _mistake("queries-kept-too", "Queries are kept as well; no later query ever needs them.", _KEPT,
             kept=lambda B, H, T, S, d_k, d_v: B * H * (S * (d_k + d_v) + T * d_k)),
    _mistake("cache-of-one-head", "The cache holds a single head; each head has keys and values of its own.", _KEPT,
             kept=lambda B, H, T, S, d_k, d_v: B * S * (d_k + d_v)),
    _mistake("cache-of-one-item", "The cache holds a single item of the batch.", _KEPT,
             kept=lambda B, H, T, S, d_k, d_v: H * S * (d_k + d_v)),
    _mistake("table-kept", "The cache is given a table; what is kept are keys and values.", _KEPT,
             kept=lambda B, H, T, S, d_k, d_v: B * H * T * S),
    _mistake("numbers-for-bytes", "Numbers are counted in place of bytes: `size` is not used.",
             "Call it with size=2: which of the three should change?", unit=lambda size: 1),
    _mistake("size-fixed", "Every number is given 4 bytes, whatever `size` says.",
             "Call it with size=2: which of the three should change?", unit=lambda size: 4),
    _mistake("bits", "The memory is given in bits; a byte has 8 of them.",
             "A number of 4 bytes: how many bytes has a table with one cell?", unit=lambda size: 8 * size),
    _mistake("mebibytes", "The memory is divided by 1024 or a power of it; asked for are bytes.",
             "A number of 4 bytes: how many bytes has a table with one cell?", unit=lambda size: size / 2 ** 20),
    _mistake("multiplications-in-bytes", "The multiplications are multiplied by the bytes of a number.",
             "Call it with size=2: which of the three should change?",
             lambda B, H, T, S, d_k, d_v, size=4: (B * H * T * S * (d_k + d_v) * size,
                                                   *cost_by_stages(B, H, T, S, d_k, d_v, size)[1:])),
    _mistake("keys-as-many-as-queries", "S is not used: there are taken to be as many keys as queries.",
             "Call it with T = 1 and S = 1000.", _squares),
    _mistake("heads-forgotten", "H is not used in any of the three.", "Double H: what should become of each?",
             _one_head),
    _mistake("items-forgotten", "B is not used in any of the three.", "Double B: what should become of each?",
             _one_item),
    _mistake("widths-divided-by-heads", "The widths are divided by the number of heads; d_k and d_v are those of one "
             "head already.", "Double H: what should become of each?", _split_widths),
    _mistake("table-and-cache-exchanged", "Table and cache have changed places.",
             "Which of the two grows with the number of queries?",
             lambda *sizes, **size: tuple(cost_by_stages(*sizes, **size)[i] for i in (0, 2, 1))),
    _mistake("bytes-added-up", "Table and cache are added up in the second place.",
             "Print the three for widths of 1, one query and one key.",
             lambda *sizes, **size: (cost_by_stages(*sizes, **size)[0], sum(cost_by_stages(*sizes, **size)[1:]),
                                     cost_by_stages(*sizes, **size)[2])),
)

_NUMBERS = "whole numbers go in, and no arrays"

BATTERY = Battery(
    sizes=lambda s: ((*s.lead, 1)[0], s.H, s.T, s.S, s.d_k, s.d_v),
    own=lambda: (
        ("arguments by name", Case((2, 3, 4, 5, 6, 7), {"size": 2}, note="size = 2 by its name")),
        ("many places", Case((1, 12, 100_000, 100_000, 64, 64), note="100,000 tokens"))),
    without={**dict.fromkeys(("no batch", "two leading axes"), _NUMBERS), "scores": _NUMBERS, "masks": _NUMBERS,
             "memory": _NUMBERS, "dtypes": _NUMBERS, "an earlier result": "what comes out are numbers, too",
             "gradients": _NUMBERS},
)

ATTENTION_COST = Exercise(
    name="attention_cost",
    title="Count what attention takes",
    notebook="12_the_cost",
    signature="attention_cost(B, H, T, S, d_k, d_v, size=4)",
    reference=attention_cost,
    arrays="numpy",
    returns=(Returns("multiplications", "()"), Returns("table", "()"), Returns("cache", "()")),
    cases=_cases,
    probes=(
        Probe("what doubles with the sizes", _twice),
        Probe("one of everything", _one_of_everything),
        Probe("widths cost multiplications and cache", _each_width),
        Probe("smaller numbers need less memory", _smaller_numbers),
    ),
    battery=BATTERY,
    stages=cost_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("loops", _looped),
        Equivalent("shapes", _by_shapes),
        Equivalent("floats", _in_floats),
        Equivalent("a-list", _as_list),
    ),
    hints=(
        "Draw the table of one head: T rows, S columns. What does one cell of it cost in the first product, and what "
        "does it cost when it multiplies a value?",
        "A cell is a dot product of width d_k, and its weight multiplies the d_v numbers of a value. There are "
        "B * H * T * S cells. Keys and values have the shapes (B, H, S, d_k) and (B, H, S, d_v).",
        "`cells = B * H * T * S`, `return cells * (d_k + d_v), cells * size, B * H * S * (d_k + d_v) * size`.",
    ),
    minutes=8,
    points=1,
)

EXERCISES = (ATTENTION_COST,)

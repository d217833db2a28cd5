"""Why regimes are left out, where several exercises say the same."""

__all__ = ["COMES_OUT", "MASK_OUT", "NO_BATCH", "NO_MASK", "NUMPY", "ONE_BATCH", "OWN_TOKENS", "PLAIN", "VECTORS"]

COMES_OUT = "scores come out and go into no exponential"
MASK_OUT = "a mask comes out, and neither scores nor heads go in"
NO_MASK = "no mask goes in"
VECTORS = "two vectors go in, and no table"

# Several regimes at once, to be unpacked.
PLAIN = {"masks": NO_MASK, "long": "no places are counted, so no table of them can be too small",
         "names": "no optional argument has a name that the text fixes"}
NUMPY = {"gradients": "NumPy arrays carry no gradient", "float64": "NumPy's floats have 64 bits anyway"}
NO_BATCH = dict.fromkeys(("one item", "two leading axes"), "the text gives single tables, without a batch")
ONE_BATCH = dict.fromkeys(("no batch", "two leading axes"), "the text gives exactly one leading axis, the batch")
OWN_TOKENS = dict.fromkeys(("T > S", "T < S", "one key"), "the keys are made of the queries' own tokens, so S = T")

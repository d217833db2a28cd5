"""The small models that lessons train, how they are trained, and what a function costs."""

from course_utils.lazy import lazily

_HOMES = {
    "DATES": "translation",
    "EncoderDecoder": "encoder_decoder",
    "History": "training",
    "LONGER": "translation",
    "REVERSAL": "translation",
    "ReaderRun": "two_key_reader",
    "Translation": "translation",
    "TwoKeyReader": "two_key_reader",
    "in_a_row": "costs",
    "multiplications": "costs",
    "question_weights": "two_key_reader",
    "train": "training",
    "train_on_digits": "digits",
    "train_reader": "two_key_reader",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazily(__name__, _HOMES)

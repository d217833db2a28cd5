"""The small models that lessons train, how they are trained, and what a function costs."""

from course_utils.lazy import lazily

_HOMES = {
    "AttentionOnly": "induction",
    "DATES": "translation",
    "Encoder": "encoder",
    "EncoderDecoder": "encoder_decoder",
    "FromScratch": "transfer",
    "History": "training",
    "LEFT_OUT": "writer",
    "LONGER": "translation",
    "NameWriter": "writer",
    "REVERSAL": "translation",
    "ReaderRun": "two_key_reader",
    "StoredEncoder": "stored_encoder",
    "Translation": "translation",
    "TwoKeyReader": "two_key_reader",
    "accuracy": "induction",
    "deal": "transfer",
    "fit": "transfer",
    "head_outputs": "induction",
    "in_a_row": "costs",
    "load_encoder": "stored_encoder",
    "mean_pool": "encoder",
    "multiplications": "costs",
    "name_loss": "writer",
    "patched": "induction",
    "question_weights": "two_key_reader",
    "quick_attention": "stored_encoder",
    "quick_parts": "writer",
    "repeated": "induction",
    "train": "training",
    "train_on_digits": "digits",
    "train_reader": "two_key_reader",
    "train_repeater": "induction",
    "train_writer": "writer",
    "without_heads": "induction",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazily(__name__, _HOMES)

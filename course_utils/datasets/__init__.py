"""What the lessons work on: real data that lies in data/, and tasks that are drawn at random. It knows no model."""

from course_utils.lazy import lazily

_HOMES = {
    "HeadFound": "induction",
    "HeadParts": "stored",
    "MINILM_HEADS": "stored",
    "NoModel": "pretrained",
    "SentenceAttention": "stored",
    "Temperatures": "stored",
    "TwoKeyRecall": "tasks",
    "Vocabulary": "tasks",
    "WordVectors": "words",
    "WrittenDate": "dates",
    "block_parts": "names",
    "counting_loss": "names",
    "data_path": "files",
    "date_languages": "dates",
    "date_vocabulary": "dates",
    "encode_names": "names",
    "first_names": "names",
    "induction_heads": "induction",
    "induction_steps": "induction",
    "iso_vocabulary": "dates",
    "minilm_attention": "stored",
    "minilm_head": "stored",
    "minilm_sentences": "stored",
    "reversal_pairs": "tasks",
    "sample_dates": "dates",
    "seattle_temperatures": "stored",
    "spell": "names",
    "split_names": "names",
    "two_key_recall": "tasks",
    "word_vectors": "words",
    "write_date": "dates",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazily(__name__, _HOMES)

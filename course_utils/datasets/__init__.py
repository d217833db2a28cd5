"""What the lessons work on: real data that lies in data/, and tasks that are drawn at random. It knows no model."""

from course_utils.lazy import lazily

_HOMES = {
    "HeadFound": "induction",
    "HeadParts": "stored",
    "MINILM_HEADS": "stored",
    "NoModel": "pretrained",
    "References": "few_examples",
    "Review": "few_examples",
    "SentenceAttention": "stored",
    "Temperatures": "stored",
    "Transfer": "few_examples",
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
    "pretrained_references": "few_examples",
    "reversal_pairs": "tasks",
    "reviews": "few_examples",
    "sample_dates": "dates",
    "seattle_temperatures": "stored",
    "spell": "names",
    "split_names": "names",
    "transfer_results": "few_examples",
    "two_key_recall": "tasks",
    "word_vectors": "words",
    "write_date": "dates",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazily(__name__, _HOMES)

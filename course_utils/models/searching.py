"""Searching the course's own paragraphs by meaning."""

import json
from pathlib import Path

from course_utils.datasets.few_examples import reviews

__all__ = ["course_index", "search"]

_WORDS = 60  # of each section's first paragraph


def course_index(encoder, folder=None):
    """Read the first paragraph of each section of the lessons, and embed it.

    Parameters
    ----------
    encoder : Encoder or StoredEncoder
    folder : path-like, optional
        Where the notebooks lie; found beside the course or the working folder if left out.

    Returns
    -------
    texts : list of (str, str)
        Where each stands, and the paragraph.
    vectors : Tensor, shape (len(texts), 384)
        Where the encoder or the lessons are not here, texts and vectors are those of the reviews.
    """
    texts = _paragraphs(folder) if encoder.here else []
    texts = texts or [("a review", review.text) for review in reviews()]
    return texts, encoder.embed([text for _, text in texts])


def search(question, encoder, index, n=3):
    """Print the texts that lie closest to a question.

    Parameters
    ----------
    question : str
    encoder : Encoder or StoredEncoder
    index : (texts, vectors)
        As `course_index` gives it.
    n : int
        How many.

    Returns
    -------
    list of str
        Where they stand.

    Raises
    ------
    ValueError
        If the question is empty.
    """
    if not question.strip():
        raise ValueError("question should have at least one word, got an empty one")
    texts, vectors = index
    if not encoder.here:
        question = texts[0][1]
        print(f"Other questions need the model (`make models`); closest to {question!r}:")
    best = (vectors @ encoder.embed([question])[0]).topk(min(n, len(texts)))
    for alike, place in zip(best.values.tolist(), best.indices.tolist()):
        where, text = texts[place]
        print(f"{alike:.2f}  {where}: {text[:60]}")
    return [texts[place][0] for place in best.indices.tolist()]


def _paragraphs(folder):
    folders = [folder] if folder else [Path(__file__).resolve().parents[2] / "notebooks", Path.cwd(),
                                       Path.cwd().parent / "notebooks"]
    found = []
    for path in sorted(next((files for place in folders if (files := list(Path(place).glob("[01]?_*.ipynb")))), [])):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            heading, _, body = "".join(cell["source"]).partition("\n\n")
            if cell["cell_type"] == "markdown" and heading.startswith("## ") and heading[3:4].isdigit():
                paragraph = " ".join(body.split("\n\n")[0].replace("*", "").split()[:_WORDS])
                found.append((heading[3:].strip(), f"{heading[3:].split(' ', 1)[1]}. {paragraph}"))
    return found

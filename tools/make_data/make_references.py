"""Make data/pretrained_references.npz: what an independent program computes with the two pretrained models.

    python tools/make_data/make_references.py

It runs the models' files, as `make models` gets them, in the library transformers (and its tokenizers, gguf and
accelerate, none of which the course needs): nothing of the course's own models is imported. Written with
transformers 5.24.0, tokenizers 0.23.3, gguf 0.19.0 and PyTorch 2.13.0 on a CPU.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from tokenizers import BertWordPieceTokenizer
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from course_utils.datasets.pretrained import ENCODER, WRITER  # noqa: E402

LONGEST = 256
SENTENCES = (
    "A man is eating food.", "A man eats something.", "The stock market fell today.",
    "The brown dog found a bone.", "Attention weights sum to one along each row.",
    "Is this a question?", "no capital letters and no full stop", "SHOUTING IS ALLOWED, TOO!",
    "Internationalisation and antidisestablishmentarianism are long words.",
    "Naïve café owners in Zürich and São Paulo", "Das ist ein deutscher Satz über Wörter.",
    "Привет, мир! Как дела?", "你好，世界", "日本語の文です。",
    "I ♥ this 🙂 so much 👩‍👩‍👧!", "<b>bold</b> &amp; x_1^2 + y = 3.14", "a", "", "   \t\n  ",
    " ".join(["word after word goes by and the text is too long to be read whole"] * 43),
)
PROMPTS = ("The capital of France is", "When Mary and John went to the store, John gave a drink to",
           "def add(a, b):\n    return", "Naïve café 🙂 1234 times\n\n", "One two three one two three one two")
COLUMNS = 96  # every so many of the 49,152 scores are kept


@torch.no_grad()
def embeddings():
    folder = ENCODER.path("config.json").parent
    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    tokenizer = BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=True)
    tokenizer.enable_truncation(LONGEST)
    rows = []
    for sentence in SENTENCES:  # one at a time: no padding
        codes = torch.tensor([tokenizer.encode(sentence).ids])
        rows.append(model(input_ids=codes).last_hidden_state.mean(1)[0])
    return torch.nn.functional.normalize(torch.stack(rows), dim=-1).numpy()


@torch.no_grad()
def scores():
    file = next(iter(WRITER.files))
    folder = WRITER.path(file).parent
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32,
                                                 attn_implementation="eager").eval()
    found = {}
    for n, prompt in enumerate(PROMPTS):
        codes = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
        logits = model(codes).logits[0]
        found |= {f"codes{n}": codes[0].numpy(), f"scores{n}": logits[:, ::COLUMNS].numpy(),
                  f"total{n}": logits.logsumexp(-1).numpy(), f"best{n}": logits.argmax(-1).numpy()}
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    about = {"sentences": SENTENCES, "prompts": PROMPTS, "columns": COLUMNS}
    np.savez_compressed(ROOT / "data" / "pretrained_references.npz", about=json.dumps(about, ensure_ascii=False),
                        embeddings=embeddings(), **scores())

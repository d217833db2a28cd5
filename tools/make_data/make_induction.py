"""Make data/induction_heads.csv and data/induction_steps.csv: models of attention alone that learn to repeat.

Needs the course itself (PyTorch) and about two minutes::

    python tools/make_data/make_induction.py

Training differs in the last digits from one processor to the next, so that a second run does not give the same
numbers; `pytest tests/test_induction.py -m slow` trains one model again and compares.
"""

from __future__ import annotations

from pathlib import Path

import torch
from files import run

from course_utils.models.induction import (
    SHORTEST,
    AttentionOnly,
    accuracy,
    induction_score,
    previous_token_score,
    repeated,
    train_repeater,
    without_heads,
)

SEEDS = {2: (0, 1, 2, 3, 4), 1: (0, 1, 2)}  # layers -> seeds
EVERY = 25  # steps between two points of a curve


def make_induction(folder: Path) -> None:
    """Train the models; write their accuracy over the steps, and what each head does and is worth."""
    torch.set_num_threads(1)
    tokens, periods = repeated(torch.Generator().manual_seed(999), 128)
    steps, heads = ["layers,seed,step,accuracy"], ["seed,layer,head,previous,induction,accuracy,without"]
    for layers, seeds in SEEDS.items():
        for seed in seeds:
            torch.manual_seed(seed)
            model = AttentionOnly(n_layers=layers)

            def watch(step, model=model, seed=seed, layers=layers):
                if step % EVERY == 0:
                    steps.append(f"{layers},{seed},{step},{accuracy(model, tokens, periods):.4f}")

            history = train_repeater(model, seed=seed, bar=False, watch=watch)
            whole = accuracy(model, tokens, periods)
            steps.append(f"{layers},{seed},{len(history.losses)},{whole:.4f}")
            print(steps[-1], flush=True)
            if layers == 2:
                heads += _heads(model, seed, tokens, periods, whole)
    for name, lines in (("induction_heads.csv", heads), ("induction_steps.csv", steps)):
        (folder / name).write_bytes(("\n".join(lines) + "\n").encode())


def _heads(model, seed, tokens, periods, whole):
    with torch.no_grad():
        # The row before is looked for in the first copy: later on the same tokens stand elsewhere too.
        first, tables = model(tokens[:, :SHORTEST])[1], model(tokens)[1]
    for layer, (early, late) in enumerate(zip(first, tables)):
        for head in range(model.n_heads):
            without = accuracy(without_heads(model, [(layer, head)]), tokens, periods)
            yield (f"{seed},{layer},{head},{previous_token_score(early)[head]:.4f},"
                   f"{induction_score(late, tokens)[head]:.4f},{whole:.4f},{without:.4f}")


if __name__ == "__main__":
    run(make_induction)

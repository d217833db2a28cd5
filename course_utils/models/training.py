"""One training loop for every model of the course: a progress bar, a history, and a stop that keeps what was learnt."""

import time
from dataclasses import dataclass, field
from html import escape

import torch

from course_utils.shapes import check_whole

__all__ = ["History", "train"]


@dataclass
class History:
    """What a training run leaves behind.

    Attributes
    ----------
    losses : list of float
        The loss of each step (nats).
    seconds : float
        Wall time of the run.
    """

    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def recent(self, steps=20):
        """Average the loss over the last steps (nats)."""
        last = self.losses[-steps:]
        return sum(last) / len(last)


def train(model, batch_loss, steps, learning_rate=3e-3, clip=1.0, bar=True, description="training", keep=True):
    """Train a model with Adam, a warm-up and a learning rate that falls to nothing.

    Parameters
    ----------
    model : nn.Module
        Changed in place.
    batch_loss : callable
        ``batch_loss(step)`` gives the loss of one batch, a Tensor of shape () (nats).
    steps : int
        Number of updates.
    learning_rate : float
        The highest learning rate, reached after a tenth of the steps (no unit).
    clip : float
        Largest norm of all gradients together (no unit).
    bar : bool
        Whether to show a progress bar in the notebook.
    description : str
        What stands beside the bar.
    keep : bool
        Whether interrupting the kernel ends the run early and keeps what was learnt; otherwise it ends whatever
        called this as well.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If `steps` is not a whole number from 1, or a loss is no longer a finite number.
    KeyboardInterrupt
        If it is interrupted and should not `keep` what was learnt.

    Examples
    --------
    >>> line = torch.nn.Linear(1, 1)
    >>> x = torch.linspace(-1, 1, 9)[:, None]
    >>> history = train(line, lambda step: (line(x) - 2 * x).square().mean(), 200, learning_rate=0.1, bar=False)
    >>> round(line.weight.item(), 2)
    2.0
    """
    check_whole("steps", steps, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps + 1, pct_start=0.1)
    history, begin, show = History(), time.perf_counter(), _progress_bar(steps, description) if bar else None
    model.train()
    try:
        for step in range(steps):
            loss = batch_loss(step)
            history.losses.append(loss.item())
            if not torch.isfinite(loss):
                raise ValueError(f"batch_loss should give a finite number, got {history.losses[-1]} at step {step}")
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            schedule.step()
            if show:
                show(step + 1, history.losses[-1])
    except KeyboardInterrupt:
        if not keep:
            raise KeyboardInterrupt(f"stopped after {len(history.losses)} of {steps} steps of a training: "
                                    "run the cell again") from None
        print(f"Stopped after {len(history.losses)} of {steps} steps; the model keeps what it has learnt.")
    model.eval()
    history.seconds = time.perf_counter() - begin
    return history


def _progress_bar(steps, description):
    """A bar that fills up. It is plain HTML: no widget that would be an error on the next day."""
    from IPython.display import display

    every, words, begin = max(1, steps // 100), escape(description), time.perf_counter()

    def bar(step, told):
        return {"text/plain": f"{description}: {steps} steps",  # the same in every run
                "text/html": f'<label>{words} <progress value="{step}" max="{steps}"></progress> {told}</label>'}

    handle = display(bar(0, ""), raw=True, display_id=True)

    def show(step, loss):
        if step == steps:
            handle.update(bar(step, f"{steps} steps"), raw=True)
        elif step % every == 0:
            left = (time.perf_counter() - begin) * (steps / step - 1)
            handle.update(bar(step, f"step {step} of {steps}, loss {loss:.3f}, {left:.0f} s left"), raw=True)

    return show

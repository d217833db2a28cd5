"""How fast live figures answer, measured in a real JupyterLab in a headless Chromium.

Both ways of drawing are measured alike and in the same run. The clock starts with the browser's own time stamp of a
real key press and stops in the first task after the frame in which the pixels changed: the browser has styled, laid
out and painted that frame by then. Pixels are read from the picture; nothing that a figure says about itself is used.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import nbformat

from course_utils.classroom.lab.driver import driven_lab

SIZES = (8, 32, 128, 512)
"""Numbers of tokens."""

_PREPARE = """
import numpy as np
from course_utils import start; start()
import matplotlib.pyplot as plt
import ipywidgets
from course_utils import attention, plotting
from course_utils.explorers import AttentionExplorer
rng = np.random.default_rng(0)
# Each query weighs its own key with about a half at temperature 1, whatever T: every step of the slider can be seen.
q = {T: ((np.log(T) + 0.5) / 32**0.5) ** 0.5 * rng.standard_normal((T, 32)) for T in (8, 32, 128, 512)}
tokens = {T: [f"t{i}" for i in range(T)] for T in q}

def draw(T, temperature):
    weights = attention.softmax(q[T] @ q[T].T / 32**0.5 / temperature)
    figure, ax = plt.subplots()
    plotting.heatmap(ax, weights, tokens[T])
    plt.show()
"""
_LIVE = 'AttentionExplorer(tokens[{T}], q=q[{T}], k=q[{T}], temperature=1.0, title="{T} tokens")'
_STILL = ('ipywidgets.interact(lambda temperature: draw({T}, temperature), '
          'temperature=ipywidgets.FloatSlider(1.0, min=0.2, max=5.0, step=0.1));')

# look() gives what a picture shows, averaged to 64 x 64 pixels;
# afterFrame() waits for the first task after the next frame.
_TOOLS = """
  const tile = document.createElement('canvas'); tile.width = tile.height = 64;
  const brush = tile.getContext('2d', { willReadFrequently: true });
  brush.imageSmoothingQuality = 'high';
  const look = () => {
    const shown = root.querySelector(picture);
    if (!shown || (shown.tagName === 'IMG' && !shown.complete)) return null;
    brush.clearRect(0, 0, 64, 64);
    brush.drawImage(shown, 0, 0, 64, 64);
    return brush.getImageData(0, 0, 64, 64).data.join();
  };
  const afterFrame = () => new Promise(done => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now());
    channel.port2.postMessage(null);
  }));
"""
_MEASURE = """async ([area, picture, presses]) => {
  const root = document.querySelector(area);
  TOOLS
  let before = look(), pressed = null;
  const times = [];
  root.addEventListener('keydown', event => { pressed = event.timeStamp; }, { capture: true });
  window.courseWaits = true;
  while (times.length < presses) {
    const painted = await afterFrame(), now = look();
    if (now === null || now === before) continue;
    before = now;
    if (pressed !== null) times.push(painted - pressed);
    pressed = null;
    window.courseAnswered = times.length;
  }
  return times;
}""".replace("TOOLS", _TOOLS)
_DRAG = """async ([area, slider, picture, seconds]) => {
  const root = document.querySelector(area), input = root.querySelector(slider), stops = Number(input.max);
  TOOLS
  let step = 0, frames = 0, before = look(), now = await afterFrame();
  const first = now, mouse = setInterval(() => {
    step += 1;
    input.value = step % (stops + 1);
    input.dispatchEvent(new Event('input', { bubbles: true }));
  }, 8);
  while (now < first + 1000 * seconds) {
    now = await afterFrame();
    const shown = look();
    if (shown !== before) frames += 1;
    before = shown;
  }
  clearInterval(mouse);
  return 1000 * frames / (now - first);
}""".replace("TOOLS", _TOOLS)
_FIRST = """async ([i, picture]) => {
  const root = window.jupyterapp.shell.currentWidget.content.widgets[i].node;
  TOOLS
  const started = performance.now();
  const run = window.jupyterapp.commands.execute('notebook:run-cell');
  let painted = await afterFrame();
  while (new Set(look()?.split(',')).size < 20) painted = await afterFrame();
  await run;
  return painted - started;
}""".replace("TOOLS", _TOOLS)


class _Way:
    """One way of drawing: where its slider and its picture are."""

    def __init__(self, source, slider, picture):
        self.source, self.slider, self.picture = source, slider, picture


_LIVE_WAY = _Way(_LIVE, ".cu input[type=range]", ".cu-map canvas")
_STILL_WAY = _Way(_STILL, ".noUi-handle", ".jp-OutputArea img, .widget-output img, .jupyter-widgets-output-area img")


def measure_figures(presses=24, still_presses=8):
    """Open JupyterLab and measure every size both ways.

    Parameters
    ----------
    presses, still_presses : int
        Key presses measured for each size, of the live figures and of ``interact`` with matplotlib.

    Returns
    -------
    dict
        By size: ``latency``, a pair (live, interact) of median milliseconds from a key press to painted pixels, and
        ``frames``, the live figure's pictures a second while its slider is dragged. ``first``: the milliseconds from
        running a cell to the first pixels of the live figure with 512 tokens.
    """
    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        sources = [_PREPARE] + [way.source.format(T=T) for T in SIZES for way in (_LIVE_WAY, _STILL_WAY)]
        sources.append(_LIVE.format(T=512).replace("512 tokens", "first paint"))
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, Path(folder) / "bench.ipynb")
        with driven_lab(folder, viewport={"width": 1280, "height": 900}) as lab:
            lab.open("bench.ipynb")
            lab.run_all()
            return _measure_all(lab, presses, still_presses)


def _measure_all(lab, presses, still_presses):
    latency, frames = {}, {}
    for n, T in enumerate(SIZES):
        live, still = 1 + 2 * n, 2 + 2 * n
        latency[T] = (_latency(lab, live, _LIVE_WAY, presses), _latency(lab, still, _STILL_WAY, still_presses))
        frames[T] = _drag(lab, live)
    return {"latency": latency, "frames": frames, "first": _first_paint(lab, 1 + 2 * len(SIZES))}


def _mark(lab, i):
    """Give a cell a selector of its own and bring it into view."""
    lab.cell(i).evaluate("(node, i) => { node.dataset.bench = i; }", i)
    lab.cell(i).scroll_into_view_if_needed()
    return f'[data-bench="{i}"]'


def _latency(lab, i, way, presses):
    area = _mark(lab, i)
    slider = lab.page.locator(f"{area} {way.slider}").first
    slider.scroll_into_view_if_needed()
    slider.focus()
    page = lab.page
    page.evaluate("() => { window.courseWaits = false; window.courseAnswered = 0; }")
    page.evaluate(f"arguments => {{ window.courseTimes = ({_MEASURE})(arguments); }}", [area, way.picture, presses])
    page.wait_for_function("() => window.courseWaits")
    for n in range(presses):
        page.wait_for_timeout(37 + 13 * (n % 5))  # not in step with the frames
        page.keyboard.press("ArrowRight" if (n // 4) % 2 == 0 else "ArrowLeft")
        page.wait_for_function("n => window.courseAnswered > n", arg=n, timeout=30_000)
    return statistics.median(page.evaluate("() => window.courseTimes"))


def _drag(lab, i, seconds=1.5):
    """Count the pictures a second while a live figure's slider gets an event every 8 ms, as a mouse sends them.

    They are sent from within the page: the browser's driver waits two frames for each event of its own.
    The slider begins again at its first stop: where it turned round, two events later it would stand where it stood,
    and a frame that shows the same picture with good reason would count as missed.
    """
    area = _mark(lab, i)
    lab.page.locator(f"{area} {_LIVE_WAY.slider}").first.scroll_into_view_if_needed()
    return lab.page.evaluate(_DRAG, [area, _LIVE_WAY.slider, _LIVE_WAY.picture, seconds])


def _first_paint(lab, i):
    page, content = lab.page, "window.jupyterapp.shell.currentWidget.content"
    page.evaluate(f"i => {{ {content}.activeCellIndex = i; {content}.widgets[i].model.clearExecution(); }}", i)
    lab.cell(i).scroll_into_view_if_needed()
    page.wait_for_function(f"i => !{content}.widgets[i].node.querySelector('.cu')", arg=i)
    return page.evaluate(_FIRST, [i, _LIVE_WAY.picture])

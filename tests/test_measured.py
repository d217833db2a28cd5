"""What attention costs: exact ways are exact, memory is what the formulas say, and a measurement can be stopped."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from course_utils.datasets import attention_costs
from course_utils.models.cheap_attention import (
    attention_cost,
    in_parts,
    linear_attention,
    table_attention,
    window_attention,
)
from course_utils.models.costs import largest_tensor, multiplications
from course_utils.models.measured import _FORGETS, WAYS, Measure, Measured, _that_fit, measure
from course_utils.plotting import CostChart

ROOT = Path(__file__).resolve().parents[1]


def drawn(*lead, T=200, d_k=16, d_v=8):
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(*lead, T, d, generator=generator) for d in (d_k, d_k, d_v))


@pytest.mark.parametrize("size", [1, 7, 64, 200, 999])
def test_parts_of_any_size_are_exact(size):
    q, k, v = drawn(2, 3)
    assert (in_parts(q, k, v, size) - table_attention(q, k, v)).abs().max() < 1e-5
    assert (in_parts(100 * q, k, v, size) - table_attention(100 * q, k, v)).abs().max() < 1e-4


def test_a_window_is_attention_under_its_mask():
    q, k, v = drawn(2)
    for width in (1, 5, 200, 300):
        seen = torch.ones(200, 200, dtype=torch.bool).tril().triu(1 - width)
        assert torch.allclose(window_attention(q, k, v, width),
                              F.scaled_dot_product_attention(q, k, v, attn_mask=seen), atol=1e-5)
    assert largest_tensor(lambda *x: window_attention(*x, 4), q[0], k[0], v[0]) < 200 * 200


def test_linear_attention_averages_by_its_weights():
    q, k, v = drawn(T=30)
    weights = (F.elu(q) + 1) @ (F.elu(k) + 1).mT
    assert torch.allclose(linear_attention(q, k, v), weights / weights.sum(-1, keepdim=True) @ v, atol=1e-5)
    assert torch.allclose(linear_attention(q, k, torch.ones(30, 1)), torch.ones(30, 1), atol=1e-5)


def test_the_formulas_count_what_pytorch_counts():
    q, k, v = torch.zeros(2, 3, 40, 8), torch.zeros(2, 3, 50, 8), torch.zeros(2, 3, 50, 4)
    count, table, cache = attention_cost(2, 3, 40, 50, 8, 4)
    assert multiplications(table_attention, q, k, v) == count
    assert 4 * largest_tensor(table_attention, q, k, v) == table
    assert cache == sum(x.numel() * x.element_size() for x in (k, v))


@pytest.mark.skipif(not _FORGETS.exists(), reason="the peak of memory is exact on Linux only")
def test_memory_is_what_the_formulas_say():
    seen = []
    found = measure(["table", "parts"], [1024, 2048, 4096], rounds=1, watch=seen.append)
    assert list(found) == seen
    assert not found.stopped
    for T in (1024, 2048):
        assert found.of("table")[T].peak == pytest.approx(2 * attention_cost(1, 1, T, T, 64, 64)[1], rel=0.15)
    assert 1.5 < found.of("parts")[4096].peak / found.of("parts")[2048].peak < 2.7


def test_wrong_requests_are_refused():
    with pytest.raises(ValueError, match="ways should be some of table, parts"):
        measure(["tables"], [8])
    with pytest.raises(ValueError, match="lengths should be at least 1, got 0"):
        measure(["table"], [8, 0])


def test_lengths_that_do_not_fit_are_left_out_in_a_line(monkeypatch, capsys):
    monkeypatch.setattr("course_utils.models.measured._free_memory", lambda: 2**30)
    assert _that_fit(["table"], [512, 4096, 16384]) == [512, 4096]
    assert capsys.readouterr().out == "Left out, for want of free memory: T = 16384.\n"
    monkeypatch.setattr("course_utils.models.measured._free_memory", lambda: None)
    assert _that_fit(["table"], [10**6]) == [10**6]


def test_a_stop_keeps_what_was_measured_and_ends_the_process():
    code = ("from course_utils.models.measured import measure\n"
            "found = measure(['table'], [64, 128, 8192], rounds=1000, watch=lambda m: print('one', m.T, flush=True))\n"
            "print(len(found), found.stopped)")
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT,
                           start_new_session=True)
    try:
        while not run.stdout.readline().startswith("one 128"):
            assert run.poll() is None
        time.sleep(0.2)
        run.send_signal(signal.SIGINT)  # the kernel alone, as the square button does
        said = run.communicate(timeout=60)[0]
    finally:
        run.kill()
    assert "Stopped after 2 of 3 measures; those that were taken are kept.\n2 True" in said


def test_a_process_that_dies_is_told(monkeypatch):
    monkeypatch.setattr("course_utils.models.measured.sys.executable", "/bin/false")
    with pytest.raises(RuntimeError, match="measuring table ended early, with the code 1"):
        measure(["table"], [8])


@pytest.mark.parametrize(("table", "window", "wanted"), [
    ((1, 4, 16), (3, 6, 12), "2 to 3"), ((4, 8, 16), (1, 2, 3), "the first"), ((1, 1, 1), (2, 2, 2), "none")])
def test_where_one_way_takes_less_than_another(table, window, wanted):
    found = Measured(Measure(way, T, (0.1,), peak) for way, peaks in (("table", table), ("window", window))
                     for T, peak in enumerate(peaks, 1))
    assert found.crossing("window", "table", "peak") == wanted


def test_stored_measures_are_whole_and_grow_as_they_should():
    stored = attention_costs()
    assert {cost.way for cost in stored} == set(WAYS)
    assert all(cost.lowest <= cost.median <= cost.highest for cost in stored)
    peaks = {cost.T: cost.peak for cost in attention_costs("table")}
    assert all(peaks[T] == pytest.approx(8 * T * T, rel=0.15) for T in peaks)


def test_a_chart_tells_what_it_shows():
    chart = CostChart(["table", "parts"], attention_costs(), "Two ways")
    chart.points += [Measure("table", 512, (0.002, 0.001, 0.004), 2 * 2**20), Measure("parts", 512, (0.01,), 2**20)]
    memory, seconds = chart.figure().axes
    assert memory.alt_text == "Two ways. Peak memory over tokens. table: 2.0 MiB at 512; parts: 1.0 MiB at 512."
    assert seconds.alt_text == "Two ways. Time over tokens. table: 2.0 ms at 512; parts: 10.0 ms at 512."
    assert len(memory.lines) == 4

"""Lessons that were kept and homework that was handed out go on importing what they imported when they were laid."""

import re
from importlib import import_module

import pytest
from notebook_parts import ROOT

# What the notebooks imported before the modules of the ground floor were put into rooms (commit a0649d6).
BEFORE = {
    "course_utils": "check hint own progress reset_progress show start",
    "course_utils.attention": "scaled_dot_product_attention",
    "course_utils.charts": "draw_curves heads_side_by_side hull_and_outputs loss_curves named_bars number_picture "
                           "score_table share_curves",
    "course_utils.checks": "diagnose earn give_feedback",
    "course_utils.classroom.grading": "nbgrader_plugin",
    "course_utils.costs": "in_a_row multiplications",
    "course_utils.datasets": "MINILM_HEADS minilm_attention minilm_head minilm_sentences seattle_temperatures "
                             "word_vectors",
    "course_utils.dates": "sample_dates",
    "course_utils.digits_task": "train_on_digits",
    "course_utils.exercises": "find",
    "course_utils.exercises.homework.long_sequences.forms": "by_running_sums by_table cost",
    "course_utils.exercises.multi_head_attention": "multi_head_attention",
    "course_utils.exercises.torch_facts": "STATEMENTS",
    "course_utils.explorers": "AlignmentExplorer AttentionExplorer CurveExplorer DotProductExplorer Film "
                              "HeadsExplorer HullExplorer MaskPainter NudgeExplorer ScaleExplorer SoftmaxExplorer "
                              "TokenPath",
    "course_utils.heads_task": "question_weights train_reader",
    "course_utils.laboratories": "attention_lab heads_lab mask_lab",
    "course_utils.laboratories.recall": "Recall recall_batch train_recall",
    "course_utils.plotting": "heatmap",
    "course_utils.shapes": "check_shape",
    "course_utils.tasks": "reversal_pairs two_key_recall",
    "course_utils.translation": "DATES REVERSAL",
    "course_utils.wordvectors": "word_vectors",
}


@pytest.mark.parametrize("module", BEFORE)
def test_what_a_kept_lesson_imports_is_there(module):
    if module.endswith("grading"):
        pytest.importorskip("nbgrader")
    exec(f"from {module} import {', '.join(BEFORE[module].split())}", {})


def test_an_old_name_leads_to_the_one_module_that_there_is():
    moved = import_module("course_utils.moved").MOVED
    for before, today in moved.items():
        assert import_module(before) is import_module(today)
        assert import_module(today).__spec__.name == import_module(today).__name__ == today


def test_an_unknown_name_is_still_unknown():
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'course_utils\.nothing'"):
        import_module("course_utils.nothing")


def test_lessons_themselves_use_the_names_of_today():
    moved = import_module("course_utils.moved").MOVED
    read = {name for path in (*ROOT.glob("notebooks/**/*.ipynb"), *ROOT.glob("docs/**/*.ipynb"))
            for name in re.findall(r"\b(?:from|import) (course_utils[\w.]*)", path.read_text(encoding="utf-8"))}
    assert {"course_utils.plotting", "course_utils.datasets", "course_utils.models"} <= read
    assert read & moved.keys() == set()

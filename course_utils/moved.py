"""Where modules lie now: lessons that were kept and homework that was handed out import them from where they lay."""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec

__all__ = ["MOVED", "now"]

# room today -> name of a module in it today: where it lay before, on the ground floor
_ROOMS = {
    "datasets": {"dates": "dates", "files": "datafiles", "tasks": "tasks", "words": "wordvectors"},
    "exercises": {"misuse": "misuse"},
    "learner": {name: name for name in ("answer_source", "cells", "journal", "kept", "machine", "overview", "reuse",
                                        "session", "working_copies")},
    "models": {"costs": "costs", "digits": "digits_task", "encoder_decoder": "model", "training": "training",
               "translation": "translation", "two_key_reader": "heads_task"},
    "plotting": {name: name for name in ("alt_text", "charts", "pictures")},
}
# lesson -> name of a module today: its name when all exercises lay side by side
_EXERCISES = {
    "tables": {"rows": "table_rows", "columns": "table_columns"},
    "scores": {"dot_products": "dot_products", "cosines": "cosines", "score_tables": "score_tables",
               "nearest_keys": "nearest_keys"},
    "weights": {"softmax": "softmax", "temperature": "softmax_temperature", "gradient": "softmax_gradient"},
    "outputs": {"weighted_sums": "weighted_sums", "soft_lookup": "soft_lookup",
                "kernel_regression": "kernel_regression"},
    "scaled": {"score_variances": "score_variances", "scaled_scores": "scaled_scores",
               "scaled_dot_product": "scaled_dot_product", "faults": "attention_faults"},
    "masks": {"causal": "masks_causal", "attention": "masks_attention", "padding": "masks_padding",
              "decoder": "masks_decoder", "faults": "masks_faults"},
    "sources": {"self_attention": "self_attention", "positions": "positions", "cross_attention": "cross_attention"},
    "heads": {"split": "split_heads", "merge": "merge_heads", "multi_head_attention": "multi_head_attention",
              "faults": "heads_faults"},
    "module": {"multi_head_module": "multi_head_module", "torch_weights": "torch_weights",
               "torch_facts": "torch_facts"},
}


def _pairs():
    for room, modules in _ROOMS.items():
        for today, before in modules.items():
            yield f"course_utils.{before}", f"course_utils.{room}.{today}"
    for lesson, modules in _EXERCISES.items():
        for today, before in modules.items():
            yield f"course_utils.exercises.{before}", f"course_utils.exercises.{lesson}.{today}"


MOVED = dict(_pairs())


def now(name):
    """Give the name that a module has today.

    Examples
    --------
    >>> now("course_utils.journal"), now("course_utils.shapes")
    ('course_utils.learner.journal', 'course_utils.shapes')
    """
    return MOVED.get(name, name)


class _Finder:
    """Asked after all others: gives, under its old name, the one module that there is."""

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, _Loader()) if name in MOVED else None


class _Loader:
    def create_module(self, spec):
        module = import_module(MOVED[spec.name])
        self.spec = module.__spec__
        return module

    def exec_module(self, module):
        module.__spec__ = self.spec  # importing has put the old name's there

    def get_code(self, name):  # for python -m
        spec = import_module(MOVED[name]).__spec__
        return spec.loader.get_code(spec.name)


def remember():
    """Let old names be imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())

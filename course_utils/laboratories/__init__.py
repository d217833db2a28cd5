"""Find-the-bug laboratories: layers that learn although they are wrong, and the probes that tell them apart.

A laboratory hides a few layers behind letters. The learner trains them, looks at them through probes and names
what each one does; `lab_exercise` turns the naming into an exercise like any other.

A new laboratory is a module like `attention`: kinds of layers (functions or modules), probes that read numbers off
a layer, and a training run. Its exercise goes into a topic of `course_utils.exercises`, and its table of which probe
sees which fault into ``tests/test_laboratory.py``, which holds every laboratory to the same promises.
"""

from course_utils.lazy import lazily

# What opens a laboratory -> the module that builds it. PyTorch is imported when a layer is trained or probed.
_HOMES = {
    "attention_lab": "attention",
    "block_lab": "blocks",
    "heads_lab": "heads",
    "Kind": "parts",
    "Lab": "lab",
    "LabProbe": "parts",
    "lab_exercise": "exercise",
    "mask_lab": "masks",
    "parts_lab": "key_parts",
    "patch_lab": "patches",
    "pooler_lab": "poolers",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazily(__name__, _HOMES)

"""Exercise of notebook 05: name the faults of layers that hide the wrong keys and learn all the same."""

from course_utils.laboratories import lab_exercise, mask_lab

FAULTS_IN_MASKS = lab_exercise(
    mask_lab(),
    name="faults_in_masks",
    title="Name the faults of five layers",
    notebook="05_masks",
    hints=(
        "Begin with `change`. A layer that does what it should moves outputs 2 and 3 and no others. What moves where "
        "a query sees one key too many? Where it sees the future in place of the past?",
        "`change` and `prefix` tell how the future is treated, `padding` and `trimmed` the padding. Two layers are "
        "alike under `change`; only one of them keeps the padding out.",
    ),
    minutes=8,
    points=2,
)

EXERCISES = (FAULTS_IN_MASKS,)

"""Exercise of notebook 12: name the faults of attention that takes its keys part by part."""

from course_utils.laboratories import lab_exercise, parts_lab

FAULTS_IN_PARTS = lab_exercise(
    parts_lab(),
    name="faults_in_parts",
    title="Name the faults of six ways through the keys",
    notebook="12_the_cost",
    hints=(
        "Look at one probe for all six layers first. Which layers give the numbers that the question asks for?",
        "`shares` tells how the parts are weighed, `rest` what becomes of keys that fill no part, `ones` whether all "
        "weights sum to 1, `far` whether large scores are borne. One layer passes all four.",
    ),
    minutes=10,
    points=2,
)

EXERCISES = (FAULTS_IN_PARTS,)

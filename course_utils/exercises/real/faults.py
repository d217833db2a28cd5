"""Exercise of notebook 13: name the faults of poolers that find the right texts although they are wrong."""

from course_utils.laboratories import lab_exercise, pooler_lab

FAULTS_IN_POOLERS = lab_exercise(
    pooler_lab(),
    name="faults_in_poolers",
    title="Name the faults of six poolers",
    notebook="13_real_models",
    hints=(
        "Look at one probe for all six first. Which ones give the numbers that the question asks for?",
        "`shares` tells which tokens count and how much, `padding` and `neighbour` what should not count, `length` "
        "what comes out. One passes all four.",
    ),
    minutes=8,
    points=2,
)

EXERCISES = (FAULTS_IN_POOLERS,)

"""Exercise of notebook 04: name the faults of layers that learn although they are wrong."""

from course_utils.laboratories import attention_lab, lab_exercise

FAULTS_IN_ATTENTION = lab_exercise(
    attention_lab(),
    name="faults_in_attention",
    title="Name the faults of four layers",
    notebook="04_scaled_dot_product",
    hints=(
        "Look at one probe for all four layers first. Which layers give the numbers that the question asks for?",
        "`ratio` tells how the scores are scaled, `sums` and `company` tell along which axis the softmax runs, "
        "`shift` tells what is averaged. One layer passes all four.",
    ),
    minutes=12,
    points=2,
)

EXERCISES = (FAULTS_IN_ATTENTION,)

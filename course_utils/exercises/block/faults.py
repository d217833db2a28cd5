"""Exercise of notebook 09: name the faults of blocks that learn although they are wrong."""

from course_utils.laboratories import block_lab, lab_exercise

FAULTS_IN_BLOCKS = lab_exercise(
    block_lab(),
    name="faults_in_blocks",
    title="Name the faults of six blocks",
    notebook="09_the_whole_block",
    hints=(
        "Look at one probe for all six layers first. Which layers give the numbers that the question asks for?",
        "`silent` tells whether x has a way round, `found` who gets to know what attention found, `seen` which norm "
        "stands before which step, `future` whether the mask arrives. One layer passes all four.",
    ),
    minutes=10,
    points=2,
)

EXERCISES = (FAULTS_IN_BLOCKS,)

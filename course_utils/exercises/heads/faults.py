"""Exercise of notebook 07: name the faults of layers with heads that learn although they are wrong."""

from course_utils.laboratories import heads_lab, lab_exercise

FAULTS_IN_HEADS = lab_exercise(
    heads_lab(),
    name="faults_in_heads",
    title="Name the faults of six layers with heads",
    notebook="07_many_heads",
    hints=(
        "Look at one probe for all six layers first. Which layers give the numbers that the question asks for?",
        "`ratio` tells what the scores are divided by, `look` how the features were cut, `slices` where each head ends "
        "up, `mix` whether W_o is used, `order` whether each token keeps its own. One layer passes all five.",
    ),
    minutes=12,
    points=2,
)

EXERCISES = (FAULTS_IN_HEADS,)

"""Exercise of notebook 11: name the faults of functions that cut images, though models learn from their patches."""

from course_utils.laboratories import lab_exercise, patch_lab

FAULTS_IN_PATCHES = lab_exercise(
    patch_lab(),
    name="faults_in_patches",
    title="Name the faults of six ways to cut an image",
    notebook="11_images",
    hints=(
        "Look at one probe for all six functions first. Which of them give the numbers that the question asks for?",
        "`order` tells in which order the patches come, and whether they are squares at all; `inside` in which order "
        "the pixels of one patch come, `channels` where the channels go, `images` whose patches they are. One function "
        "passes all four.",
    ),
    minutes=8,
    points=2,
)

EXERCISES = (FAULTS_IN_PATCHES,)

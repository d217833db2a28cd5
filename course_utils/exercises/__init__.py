"""All exercises of the course and of its homework, one package a lesson, one module a topic: data for the checker."""

import difflib
from importlib import import_module

from course_utils.exercises.gone import GONE
from course_utils.exercises.misuse import Misuse

__all__ = ["HOMEWORK", "TOPICS", "all_exercises", "find", "homework_exercises"]

# In course order. Later topics need PyTorch: a topic is imported when its exercises are looked for.
TOPICS = ("tables.rows", "tables.columns", "scores.dot_products", "scores.cosines", "scores.score_tables",
          "scores.nearest_keys", "weights.softmax", "weights.temperature", "weights.gradient", "outputs.weighted_sums",
          "outputs.soft_lookup", "outputs.kernel_regression", "scaled.score_variances", "scaled.scaled_scores",
          "scaled.scaled_dot_product", "scaled.faults", "masks.causal", "masks.attention", "masks.padding",
          "masks.decoder", "masks.faults", "sources.find_articles", "sources.self_attention", "sources.positions",
          "sources.make_reader", "sources.cross_attention", "heads.split", "heads.merge",
          "heads.multi_head_attention", "heads.faults", "module.multi_head_module", "module.unseen_faults",
          "module.torch_weights", "module.torch_facts", "block.layer_norm", "block.transformer_block",
          "block.faults", "roles.previous_token", "roles.induction", "roles.removal", "images.patchify",
          "images.class_token", "images.cls_picture", "images.faults",
          "costs.counted", "costs.merging", "costs.window", "costs.faults",
          "real.pool", "real.faults", "real.surprise")
# One package an assignment.
HOMEWORK = ("homework.weights", "homework.masks", "homework.shared_heads", "homework.long_sequences")


def all_exercises():
    """Give every exercise of the lessons, in course order."""
    return tuple(exercise for topic in TOPICS for exercise in _topic(topic))


def homework_exercises():
    """Give every exercise of the assignments, in their order."""
    return tuple(exercise for topic in HOMEWORK for exercise in _topic(topic))


def find(name, topics=(*TOPICS, *HOMEWORK)):
    """Give the exercise of that name.

    Parameters
    ----------
    name : str
    topics : sequence of str
        All of them, the likely ones first: what comes before the right one is imported.

    Returns
    -------
    Exercise

    Raises
    ------
    ValueError
        If there is none; names that come close are told, and what became of one that went.
    """
    for topic in topics:
        for exercise in _topic(topic):
            if exercise.name == name:
                return exercise
    if name in GONE:
        raise Misuse(str(GONE[name]))
    names = [exercise.name for exercise in (*all_exercises(), *homework_exercises())]
    close = difflib.get_close_matches(str(name), names, n=3) or names
    raise Misuse(f"name should be the name of an exercise, such as {', '.join(map(repr, close))}, got {name!r}")


def _topic(topic):
    return import_module(f"course_utils.exercises.{topic}").EXERCISES

"""Static figures: Axes in, Axes out, with words for who cannot see them and a text that a test can compare.

Nothing here computes attention, and importing it imports no pyplot.
"""

from course_utils.lazy import lazily

_HOMES = {
    "CostChart": "costs",
    "array_mark": "marks",
    "describe_weights": "alt_text",
    "draw_curves": "charts",
    "fingerprint": "marks",
    "heads_side_by_side": "charts",
    "heatmap": "heatmaps",
    "hull_and_outputs": "charts",
    "images_in_patches": "images",
    "loss_curves": "charts",
    "named_bars": "charts",
    "number_picture": "charts",
    "score_table": "charts",
    "share_curves": "charts",
    "short": "alt_text",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazily(__name__, _HOMES)

"""Live figures: Python prepares what is shown, one JavaScript view draws it, both share the state.

A figure works in JupyterLab with a kernel, and without one on an exported page.
"""

from course_utils.lazy import lazily

_HOMES = {
    "AlignmentExplorer": "alignment",
    "AttentionExplorer": "attention_map",
    "CurveExplorer": "curve",
    "DotProductExplorer": "dot_product",
    "Explorer": "base",
    "Film": "film",
    "HeadsExplorer": "all_heads",
    "HullExplorer": "hull",
    "MaskPainter": "mask_painter",
    "NudgeExplorer": "nudge",
    "PatchExplorer": "patches",
    "ScaleExplorer": "scale",
    "SoftmaxExplorer": "softmax_bars",
    "TokenPath": "token_path",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazily(__name__, _HOMES)

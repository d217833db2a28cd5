"""Live figures: Python prepares what is shown, one JavaScript view draws it, both share the state.

A figure works in JupyterLab with a kernel, and without one on an exported page.
"""

from importlib import import_module

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
    "ScaleExplorer": "scale",
    "SoftmaxExplorer": "softmax_bars",
    "TokenPath": "token_path",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__

"""Public names of a package that are loaded when they are first used, so that importing it costs next to nothing."""

import sys
from importlib import import_module

__all__ = ["lazily"]


def lazily(package, homes):
    """Make what a package has as ``__getattr__`` and ``__dir__``.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : dict of str to str
        Public name -> the module inside the package that holds it.

    Returns
    -------
    get : callable
    names : callable
    """
    def get(name):
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted({*vars(sys.modules[package]), *homes})

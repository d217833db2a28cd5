"""The versions the course asks for, read from where they are written, compared without any package's help.

The doctor uses this: it must answer on a machine where nothing is installed yet.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

__all__ = ["PACKAGE", "allows", "installed_version", "wanted"]

PACKAGE = "attention-course"


def wanted() -> dict[str, str]:
    """Read which packages running the notebooks takes, with the ranges that work.

    Returns
    -------
    dict of str to str
        For example ``{"ipywidgets": ">=8.1,<9"}``; the key ``python`` is the interpreter's own range.
        Empty if neither pyproject.toml nor an installed package tells.
    """
    try:
        import tomllib

        written = Path(__file__).resolve().parents[3] / "pyproject.toml"
        project = tomllib.loads(written.read_text(encoding="utf-8"))["project"]
        lines = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
        python = project["requires-python"]
    except (ImportError, OSError):  # an old Python, or an installed package with no pyproject.toml beside it
        try:
            about = metadata.metadata(PACKAGE)
        except metadata.PackageNotFoundError:
            return {}
        lines = [line for line in about.get_all("Requires-Dist") or ()
                 if "extra ==" not in line or re.search(r"""extra == ["']lab["']""", line)]
        python = about["Requires-Python"]
    pairs = (re.match(r"([\w.-]+)\s*([^;]*)", line).groups() for line in lines)
    return {"python": python, **{name.lower(): range_.strip() for name, range_ in pairs}}


def installed_version(package: str) -> str | None:
    """The installed version of a package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def allows(range_: str, version: str) -> bool:
    """Whether a version lies in a range.

    Parameters
    ----------
    range_ : str
        Comparisons with commas between them; only ``>=``, ``<``, ``<=``, ``>`` and ``==`` with plain numbers.
    version : str
        What comes after the release number (``rc1``, ``+cpu``) is left out of the comparison.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        The range has a comparison of another kind.

    Examples
    --------
    >>> allows(">=8.1,<9", "8.1.9"), allows(">=8.1,<9", "9.0.0"), allows(">=2.6", "2.13.0+cpu")
    (True, False, True)
    """
    have = _numbers(version)
    for part in filter(None, (part.strip() for part in range_.split(","))):
        match = re.fullmatch(r"(>=|<=|==|<|>)\s*(\d+(?:\.\d+)*)", part)
        if not match:
            raise ValueError(f"range_ should hold comparisons like >=8.1, got {part!r}")
        want = _numbers(match[2])
        if not {">=": have >= want, "<=": have <= want, "==": have == want,
                "<": have < want, ">": have > want}[match[1]]:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    """``"2.13.0+cpu"`` -> ``(2, 13)``; trailing zeros count for nothing."""
    numbers = [int(number) for number in re.match(r"[\d.]*", version)[0].split(".") if number]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)

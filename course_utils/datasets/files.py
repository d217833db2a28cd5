"""Where the course's data files lie, and reading one that is known to be whole."""

import hashlib
import io
from pathlib import Path

import numpy as np

__all__ = ["data_path", "load_npz", "read_data"]

# A clone has data/ beside the package; a wheel carries it inside the package.
_FOLDERS = (Path(__file__).resolve().parents[2] / "data", Path(__file__).resolve().parents[1] / "_data")
_SUMS = "SHA256SUMS"
_REPAIR = ("In a clone, get it back with `git checkout -- data`; in an installed package, with "
           "`pip install --force-reinstall --no-deps attention-course`, or the command that installed it.")


def data_path(name=None):
    """Find the data folder, or one file in it.

    Parameters
    ----------
    name : str, optional
        Name of a file. Without it the folder itself is returned.

    Returns
    -------
    pathlib.Path
        Where it lies: in ``data/`` of the repository or inside the installed package.

    Raises
    ------
    FileNotFoundError
        If the folder or the file is missing.
    ValueError
        If no file of the course has that name.
    """
    folder = next((folder for folder in _FOLDERS if (folder / _SUMS).is_file()), None)
    if folder is None:
        raise FileNotFoundError("The course's data folder is missing; it should be at "
                                f"{' or '.join(map(str, _FOLDERS))}. {_REPAIR}")
    if name is None:
        return folder
    sums = _checksums(folder)
    if not isinstance(name, str) or name not in sums:
        raise ValueError(f"name should be one of {', '.join(sums)}; got {name!r}")
    if not (folder / name).is_file():
        raise FileNotFoundError(f"{folder / name} is missing. {_REPAIR}")
    return folder / name


def read_data(name):
    """Read one file of the data folder after holding it against its checksum.

    Parameters
    ----------
    name : str
        Name of a file, for example ``"dates_cldr.json"``.

    Returns
    -------
    bytes
        What the file holds.

    Raises
    ------
    FileNotFoundError
        If the folder or the file is missing.
    ValueError
        If no file of the course has that name, or the file is damaged.
    """
    path = data_path(name)
    content = path.read_bytes()
    wanted, found = _checksums(path.parent)[name], hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise ValueError(f"{path} is damaged or was changed: its SHA-256 should be {wanted}, got {found}. "
                         f"{_REPAIR}")
    return content


def load_npz(name):
    """Load the arrays of one .npz file of the data folder.

    Parameters
    ----------
    name : str
        Name of the file.

    Returns
    -------
    dict of str to ndarray
        Its arrays by name.

    Raises
    ------
    FileNotFoundError
        If the folder or the file is missing.
    ValueError
        If no file of the course has that name, or the file is damaged.
    """
    with np.load(io.BytesIO(read_data(name)), allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def _checksums(folder):
    lines = (folder / _SUMS).read_text(encoding="utf-8").split("\n")
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines if line)}

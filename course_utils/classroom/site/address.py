"""Where everybody finds the course: one setting, and all links that follow from it."""

from __future__ import annotations

import re
import tomllib
import urllib.parse
from dataclasses import dataclass

SETTING = "tool.attention-course.address in pyproject.toml"


@dataclass(frozen=True)
class Address:
    """A public repository, or none.

    Attributes
    ----------
    repository : str
        ``https://HOST/OWNER/NAME`` without a slash at its end; empty where the course has no public place.

    Raises
    ------
    ValueError
        When it has another form.
    """

    repository: str = ""

    def __post_init__(self):
        if self.repository and not re.fullmatch(r"https://[\w.-]+\.\w+/[\w.-]+/[\w.-]+", self.repository):
            raise ValueError(f"address should be https://HOST/OWNER/NAME or empty, got {self.repository!r}")

    def file(self, path):
        """Give the address of a file of the repository, or an empty text where there is none."""
        return f"{self.repository}/blob/main/{path}" if self.repository else ""

    def ways(self, path):
        """Name the places where a notebook can be opened and run.

        Parameters
        ----------
        path : str
            The notebook's path in the repository.

        Returns
        -------
        dict of str to str
            Name of the place -> address. Binder, Colab and Codespaces know GitHub alone; empty without an address.
        """
        if not self.repository:
            return {}
        name = self.repository.split("/", 3)[3]
        hosted = {
            "Binder": f"https://mybinder.org/v2/gh/{name}/main?urlpath=lab/tree/{path}",
            "Colab": f"https://colab.research.google.com/github/{name}/blob/main/{path}",
            "Codespaces": f"https://codespaces.new/{name}",
        } if self.repository.startswith("https://github.com/") else {}
        return hosted | {"download": f"{self.repository}/raw/main/{path}"}

    def hub_link(self, path):
        """Give the link by which a JupyterHub with nbgitpuller opens a notebook; its own address is left to fill in."""
        if not self.repository:
            return ""
        inside = f"lab/tree/{self.repository.rsplit('/', 1)[1]}/{path}"
        query = urllib.parse.urlencode({"repo": self.repository, "urlpath": inside, "branch": "main"})
        return f"https://YOUR-HUB/hub/user-redirect/git-pull?{query}"


def public_address(root, given=None):
    """Read the setting of a clone.

    Parameters
    ----------
    root : Path
        The clone.
    given : str, optional
        An address that takes its place.

    Returns
    -------
    Address
    """
    if given is None:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        given = project.get("tool", {}).get("attention-course", {}).get("address", "")
    return Address(given.rstrip("/"))

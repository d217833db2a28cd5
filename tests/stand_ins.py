"""Stand-ins for programs that a test must not start for real."""

import os
import stat

import pytest

POSIX = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")


def program(path, script):
    """Write a shell script that can be started; returns its path as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)

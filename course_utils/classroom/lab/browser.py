"""Finding, or getting, a Chromium for the tests that look at real pixels."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["find_browser", "install_browser"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_MAC = ("Google Chrome", "Chromium", "Microsoft Edge")
_WINDOWS = (r"Google\Chrome\Application\chrome.exe", r"Chromium\Application\chrome.exe",
            r"Microsoft\Edge\Application\msedge.exe")


def _candidates():
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            yield found
    if sys.platform == "darwin":
        yield from (f"/Applications/{name}.app/Contents/MacOS/{name}" for name in _MAC)
    if os.name == "nt":
        for base in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
            if base in os.environ:
                yield from (os.path.join(os.environ[base], tail) for tail in _WINDOWS)
    yield from _playwright_browsers()


def _playwright_browsers():
    """Browsers that ``playwright install`` has put into its cache, the newest first."""
    caches = {"darwin": "~/Library/Caches/ms-playwright", "win32": r"~\AppData\Local\ms-playwright"}
    cache = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or caches.get(sys.platform, "~/.cache/ms-playwright")
    names = {"chrome", "chrome.exe", "Chromium", "Google Chrome for Testing"}
    for folder in sorted(Path(cache).expanduser().glob("chromium-*"), reverse=True):
        yield from (str(path) for path in folder.rglob("*") if path.name in names and path.is_file())


def _works(path: str) -> bool:
    """Ubuntu has a program called chromium-browser that only says where to find a browser."""
    if not os.access(path, os.X_OK):
        return False
    if os.name == "nt":  # there, asking for the version opens a window
        return True
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def find_browser() -> str | None:
    """Find a Chromium, Chrome or Edge that starts.

    Returns
    -------
    str or None
        Its path, or None. ``COURSE_BROWSER`` in the environment names one and ends the search.
    """
    chosen = os.environ.get("COURSE_BROWSER")
    candidates = [chosen] if chosen else _candidates()
    return next((path for path in candidates if _works(path)), None)


def _install_commands():
    """Ways to get one, the most native first."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and shutil.which("apt-get"):
        quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
        yield [*quiet, "-q", "update"]
        if "debian" in _systems() and "ubuntu" not in _systems():  # Ubuntu's chromium needs a running snapd
            yield [*quiet, "-q", "-y", "install", "--no-install-recommends", "chromium", "fonts-dejavu-core"]
    system_libraries_too = ["--with-deps"] if root and platform.system() == "Linux" else []
    yield [sys.executable, "-m", "playwright", "install", *system_libraries_too, "chromium"]


def _systems() -> set[str]:
    """The names of this Linux and of those it is made from."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return set()
    return {release.get("ID", ""), *release.get("ID_LIKE", "").split()}


def install_browser() -> str | None:
    """Get a Chromium where there is none: from Debian's packages as root, else with Playwright.

    Returns
    -------
    str or None
        Its path, or None if it could not be had; what the installers said has been printed.
    """
    for command in _install_commands():
        found = find_browser()
        if found:
            return found
        print("  $", " ".join(command), flush=True)
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, timeout=1200)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"  {error}", flush=True)
    return find_browser()


if __name__ == "__main__":
    path = find_browser() or install_browser()
    print(path or "No Chromium could be had.")
    sys.exit(0 if path else 1)

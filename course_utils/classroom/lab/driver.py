"""A real JupyterLab and a headless Chromium, for the browser tests and the benchmark.

The server is the one that `make lab` starts, on a free loopback port and with a settings folder of its own. The
browser is let through to this machine only; what else a page asked for is listed.
"""

from __future__ import annotations

import re
import secrets
import socket
import subprocess
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from course_utils.classroom.lab.browser import find_browser
from course_utils.classroom.lab.page import LabPage
from course_utils.classroom.lab.start import server_command, server_environment

__all__ = ["LabServer", "chromium", "driven_lab", "lab_server", "new_context"]

_FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync",
          "--disable-component-update", "--no-first-run", "--mute-audio",
          # no name is looked up, not even for a link that a page asks to have fetched in advance
          "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
_PRIVATE = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython"}
_ELSEWHERE = re.compile(r"^(?!(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:|file:|about:)")


@dataclass(frozen=True)
class LabServer:
    """Where a JupyterLab answers: its address without a slash at the end, its token, its log."""

    url: str
    token: str
    log: Path


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _write_settings(folder):
    """Keep cells out of view in the page: by default JupyterLab may leave them out, and nothing finds them."""
    path = folder / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"windowingMode": "none"}', encoding="utf-8")


def _wait_until_it_answers(server, process, timeout):
    end = time.monotonic() + timeout
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"JupyterLab ended with code {process.returncode}:\n{_tail(server.log)}")
        try:
            with urllib.request.urlopen(f"{server.url}/api/status?token={server.token}", timeout=5):
                return
        except OSError:
            if time.monotonic() > end:
                raise TimeoutError(f"JupyterLab did not answer in {timeout} s:\n{_tail(server.log)}") from None
            time.sleep(0.1)  # the pause of a poll: the answer ends the wait


def _tail(log):
    return log.read_text(encoding="utf-8", errors="replace")[-3000:]


@contextmanager
def lab_server(root, *, env=None, timeout=120, private=None):
    """Run a JupyterLab while the block lasts.

    Parameters
    ----------
    root : path
        The folder it serves; notebooks in it may be written to.
    env : mapping of str to str, optional
        Set for the server and its kernels.
    timeout : float, seconds
        How long it may take to answer.
    private : path, optional
        Where the server keeps its settings, its layout and what it trusts, to be found there by the next one; a folder
        that is gone afterwards if left out.

    Yields
    ------
    LabServer
    """
    port, token = _free_port(), secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="course-lab-", ignore_cleanup_errors=True) as passing:
        folder = Path(private or passing)
        _write_settings(folder)
        server = LabServer(f"http://127.0.0.1:{port}", token, folder / "server.log")
        command = [*server_command(Path(root), Path("."), port, browser=False),
                   f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True"]
        environment = {**server_environment(), "COURSE_PROGRESS": str(folder / "progress.jsonl"), **(env or {}),
                       **{name: str(folder / place) for name, place in _PRIVATE.items()}}
        with open(server.log, "wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                       env=environment, cwd=root)
        try:
            _wait_until_it_answers(server, process, timeout)
            yield server
        finally:
            process.terminate()  # JupyterLab ends its kernels then
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


_shared = {"users": 0, "playwright": None}


@contextmanager
def _playwright():
    """Share the one Playwright that a process can run; who leaves last stops it."""
    from playwright.sync_api import sync_playwright

    if not _shared["users"]:
        _shared["playwright"] = sync_playwright().start()
    _shared["users"] += 1
    try:
        yield _shared["playwright"]
    finally:
        _shared["users"] -= 1
        if not _shared["users"]:
            _shared.pop("playwright").stop()


@contextmanager
def chromium(executable=None):
    """Run a headless Chromium while the block lasts.

    Parameters
    ----------
    executable : path, optional
        Which one; the first that is found if left out.

    Yields
    ------
    playwright.sync_api.Browser

    Raises
    ------
    RuntimeError
        There is none.
    """
    executable = executable or find_browser()
    if not executable:
        raise RuntimeError("no Chromium, Chrome or Edge was found; set COURSE_BROWSER to the path of one, or run "
                           "python -m course_utils.classroom.lab.browser to install one")
    with _playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(executable), args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def new_context(browser, **options):
    """Open a browser context that reaches this machine only.

    Parameters
    ----------
    browser : playwright.sync_api.Browser
    **options
        Of ``Browser.new_context``, such as ``color_scheme="dark"``.

    Returns
    -------
    playwright.sync_api.BrowserContext
        With one attribute more: ``blocked``, the list of addresses that were asked for and refused.
    """
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 1100}, "service_workers": "block",
                                     **options})
    context.blocked = []

    def refuse(route):
        context.blocked.append(route.request.url)
        route.abort()

    def refuse_socket(socket_route):
        context.blocked.append(socket_route.url)
        socket_route.close()

    context.route(_ELSEWHERE, refuse)
    context.route_web_socket(_ELSEWHERE, refuse_socket)
    return context


@contextmanager
def driven_lab(root, *, env=None, private=None, **options):
    """Run a JupyterLab and a browser that shows it, ready to open notebooks.

    Parameters
    ----------
    root : path
        The folder that JupyterLab serves.
    env : mapping of str to str, optional
        Set for the server and its kernels.
    private : path, optional
        As for `lab_server`.
    **options
        Of the browser context.

    Yields
    ------
    LabPage
    """
    with lab_server(root, env=env, private=private) as server, chromium() as browser:
        context = new_context(browser, **options)
        try:
            yield LabPage(context.new_page(), server)
        finally:
            context.close()

"""Finding a Chromium for the tests that look at pixels, and getting one where there is none."""

import os
import sys

import pytest
from stand_ins import POSIX, program

from course_utils.classroom.lab import browser


@pytest.fixture
def no_other_browser(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_BROWSER", raising=False)
    monkeypatch.setattr(browser.shutil, "which", lambda name: None)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "cache"))


@POSIX
def test_a_named_browser_ends_the_search(tmp_path, monkeypatch):
    mine = program(tmp_path / "mine", "echo Chromium 1")
    monkeypatch.setenv("COURSE_BROWSER", mine)
    assert browser.find_browser() == mine
    monkeypatch.setenv("COURSE_BROWSER", str(tmp_path / "gone"))
    assert browser.find_browser() is None


@POSIX
def test_a_program_that_only_says_where_to_find_one(tmp_path, monkeypatch, no_other_browser):
    stub = program(tmp_path / "chromium-browser", "echo requires the chromium snap; exit 1")
    chrome = program(tmp_path / "google-chrome", "echo Google Chrome 1")
    monkeypatch.setattr(browser.shutil, "which", {"chromium-browser": stub, "google-chrome": chrome}.get)
    assert browser.find_browser() == chrome


@POSIX
def test_playwrights_browser_is_found(tmp_path, monkeypatch, no_other_browser):
    monkeypatch.setattr(sys, "platform", "linux")
    assert browser.find_browser() is None
    theirs = program(tmp_path / "cache" / "chromium-1234" / "chrome-linux" / "chrome", "echo Chromium 1")
    assert browser.find_browser() == theirs


@pytest.mark.parametrize(("root", "systems", "plan"), [
    (True, {"debian"}, ["apt-get update", "apt-get chromium", "playwright --with-deps"]),
    (True, {"raspbian", "debian"}, ["apt-get update", "apt-get chromium", "playwright --with-deps"]),
    (True, {"ubuntu", "debian"}, ["apt-get update", "playwright --with-deps"]),
    (False, {"debian"}, ["playwright"])])
def test_ways_to_get_a_browser(monkeypatch, root, systems, plan):
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000, raising=False)
    monkeypatch.setattr(browser.shutil, "which", lambda name: "/usr/bin/" + name)
    monkeypatch.setattr(browser.platform, "system", lambda: "Linux")
    monkeypatch.setattr(browser, "_systems", lambda: systems)
    words = ("apt-get", "update", "chromium", "playwright", "--with-deps")
    for command, wanted in zip(browser._install_commands(), plan, strict=True):
        said = [word for word in words if word in command]
        assert set(wanted.split()) == set(said) - ({"chromium"} if "playwright" in said else set())


@POSIX
def test_installing_stops_where_a_browser_appears(tmp_path, monkeypatch, no_other_browser, capsys):
    cache = tmp_path / "cache" / "chromium-1" / "chrome"
    theirs = program(tmp_path / "theirs", "exit 0")
    get = program(tmp_path / "get", f'mkdir -p "{cache.parent}"; cp "{theirs}" "{cache}"')
    plan = [["/no/such/program"], [get], ["/never/asked"]]
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(browser, "_install_commands", lambda: iter(plan))
    assert browser.install_browser() == str(cache)
    said = capsys.readouterr().out
    assert "/no/such/program" in said
    assert "/never/asked" not in said

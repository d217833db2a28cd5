"""The course as a site: from a folder and under a path, with the network closed, figures alive and nothing broken."""

import functools
import http.server
import threading
from contextlib import contextmanager

import pytest
from notebook_parts import ROOT

from course_utils.classroom.lab.driver import chromium, new_context

pytest.importorskip("furo", reason="the extra site brings Sphinx and its theme")
from course_utils.classroom.site.address import Address
from course_utils.classroom.site.build import build, clear
from course_utils.classroom.site.gather import gather

LESSON = "04_scaled_dot_product"
LESSONS = sorted(path.stem for path in ROOT.glob("notebooks/*.ipynb"))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The first page and one lesson, in a folder whose name needs care in an address."""
    output = tmp_path_factory.mktemp("a class") / "the site"
    assert build(ROOT, output, Address(), [LESSON]) == []
    return output


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Every page; with it goes that no link and no formula is broken."""
    output = tmp_path_factory.mktemp("whole")
    assert build(ROOT, output, Address()) == []
    return output


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@contextmanager
def served(folder):
    """A web server for a folder, on this machine only; yields its address."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    handler = functools.partial(quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@contextmanager
def opened(browser, address, figures=True, **options):
    """Open a page; afterwards nothing may have gone wrong and nothing may have been asked of the network."""
    context = new_context(browser, **options)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("requestfailed", lambda request: errors.append(f"not got: {request.url}"))
    page.on("response", lambda got: errors.append(f"{got.status}: {got.url}") if got.status >= 400 else None)
    page.goto(address)
    if figures:
        page.wait_for_selector("html[data-figures=ready]", state="attached")
    yield page
    assert errors == []
    assert context.blocked == []
    context.close()


# What a reader moves first, in the order in which it is looked for, and how.
MOVES = (("input[type=range]", "ArrowRight"), ("[role=gridcell][tabindex='0']", "ArrowUp"), ("select", "ArrowDown"),
         ("input[type=checkbox]", " "), ("button:not(:text-matches('^Save'))", "Enter"))
BACK = {"ArrowRight": "ArrowLeft", "ArrowUp": "ArrowDown", "ArrowDown": "ArrowUp"}


def move(page, figure):
    """Move a figure by keyboard until its picture changes; gives what moved it, or None."""
    figure.scroll_into_view_if_needed()
    for selector, key in MOVES:
        for control in figure.locator(selector).all()[:3]:
            if not control.is_visible():
                continue
            control.focus()
            page.wait_for_timeout(50)
            before = figure.screenshot(animations="disabled")
            for press in (key, BACK.get(key, key)):
                page.keyboard.press(press)
                page.wait_for_timeout(100)
                if figure.screenshot(animations="disabled") != before:
                    return selector
    return None


@pytest.mark.browser
@pytest.mark.parametrize("way", ["from a folder", "under a path"])
def test_figures_of_a_page_live(small, browser, way):
    with served(small.parents[1]) as server:
        parts = small.relative_to(small.parents[1]).as_posix().replace(" ", "%20")
        start = small.as_uri() if way == "from a folder" else f"{server}/{parts}"
        with opened(browser, f"{start}/notebooks/{LESSON}.html") as page:
            figures = page.locator(".cu").all()
            assert len(figures) > 2
            assert [figure for figure in figures if move(page, figure) is None] == []


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_every_figure_of_every_page_lives(whole, browser, lesson):
    with opened(browser, (whole / f"notebooks/{lesson}.html").as_uri()) as page:
        assert page.locator(".cu").count() == page.locator(".cu-live").count() > 0
        assert [figure for figure in page.locator(".cu").all() if move(page, figure) is None] == []


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ValueError, match="should be a new folder, an empty one or an earlier site"):
        clear(tmp_path)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_what_the_site_does_not_carry_is_linked_only_where_it_can_be_had(tmp_path):
    text = "[the licence](LICENSE) and [dots](notebooks/01_dot_products.ipynb#Some-heading), `[code](LICENSE)`"
    for repository, licence in (("", "the licence"), ("https://example.org/ada/course",
                                "[the licence](https://example.org/ada/course/blob/main/LICENSE)")):
        tree = gather(ROOT, tmp_path / repository[-6:].strip("/"), Address(repository), ["01_dot_products"])
        assert tree.linked(text, ROOT / "README.md") == (
            f"{licence} and [dots](notebooks/01_dot_products.ipynb#some-heading), `[code](LICENSE)`")


@pytest.mark.parametrize("wrong", ["example.org", "http://example.org/a/b", "https://example.org/a"])
def test_an_address_of_another_form_is_refused(wrong):
    with pytest.raises(ValueError, match="address should be https://HOST/OWNER/NAME"):
        Address(wrong)

"""The course as a site: from a folder and under a path, with the network closed, figures alive and nothing broken."""

import functools
import http.server
import itertools
import re
import threading
import zipfile
from contextlib import contextmanager

import pytest
from bs4 import BeautifulSoup
from notebook_parts import ROOT

from course_utils.classroom.lab.driver import chromium, new_context

pytest.importorskip("furo", reason="the extra site brings Sphinx and its theme")
from course_utils.classroom.site.address import Address
from course_utils.classroom.site.build import build, clear, print_sheet
from course_utils.classroom.site.gather import gather
from course_utils.classroom.site.glossary import FirstUses, Term, listed, terms_of
from course_utils.classroom.site.links import broken_links

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
    """Move a figure by keyboard until its picture changes; gives what moved it, or None. Folds over it are opened."""
    figure.evaluate("""node => { for (let at = node; at; at = at.parentElement)
                           if (at.matches("details")) at.open = true; }""")
    figure.scroll_into_view_if_needed()
    page.add_style_tag(content=".cu :focus { outline: none !important; }")  # the ring of focus is no change of a figure
    for selector, key in MOVES:
        for control in figure.locator(selector).all()[:3]:
            if not control.is_visible():
                continue
            control.focus()
            page.wait_for_timeout(50)
            before = figure.screenshot(animations="disabled")
            for press in (key, BACK.get(key, key)):
                page.keyboard.press(press)
                for _ in range(8):  # a busy machine draws late
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
    path = whole / f"notebooks/{lesson}.html"
    alive = 'class="cu-live"' in path.read_text(encoding="utf-8")
    assert alive or not lesson[:2].isdecimal(), "a lesson has a figure that moves"
    with opened(browser, path.as_uri(), figures=alive) as page:
        assert page.locator(".cu").count() == page.locator(".cu-live").count()
        assert page.locator(".cu:not(:has(summary:text('table')))").count() == 0  # each has a form in words
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


def test_without_a_public_address_nothing_is_promised(small):
    words = "mybinder colab.research codespaces.new git-pull github.com/ada".split()
    text = "".join(path.read_text(encoding="utf-8") for path in small.rglob("*.html"))
    assert [word for word in words if word in text] == []


def test_with_a_public_address_a_notebook_says_where_it_runs(tmp_path):
    gather(ROOT, tmp_path / "github", Address("https://github.com/ada/course"), [LESSON])
    path = f"notebooks/{LESSON}.ipynb"
    lesson = (tmp_path / "github" / path).read_text(encoding="utf-8")
    for link in (f"https://mybinder.org/v2/gh/ada/course/main?urlpath=lab/tree/{path}", "https://codespaces.new/ada/course",
                 f"https://colab.research.google.com/github/ada/course/blob/main/{path}",
                 f"https://github.com/ada/course/raw/main/{path}"):
        assert f"]({link})" in lesson
    install = (tmp_path / "github" / "install.md").read_text(encoding="utf-8")
    assert "git-pull?repo=https%3A%2F%2Fgithub.com%2Fada%2Fcourse&urlpath=lab%2Ftree%2Fcourse%2Fnotebooks" in install
    assert set(Address("https://example.org/ada/course").ways(path)) == {"download"}


def test_the_archive_is_the_site_without_a_link_to_itself(small, tmp_path):
    with zipfile.ZipFile(small / "offline.zip") as archive:
        archive.extractall(tmp_path)
    here = {path.relative_to(small).as_posix() for path in small.rglob("*") if path.is_file()}
    taken = {path.relative_to(tmp_path / "attention").as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert here - taken == {"offline.zip", ".nojekyll"}
    assert broken_links(tmp_path / "attention") == []
    assert 'href="offline.zip"' in (small / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("wrong", ["example.org", "http://example.org/a/b", "https://example.org/a"])
def test_an_address_of_another_form_is_refused(wrong):
    with pytest.raises(ValueError, match="address should be https://HOST/OWNER/NAME"):
        Address(wrong)


# --- what every page holds to ---------------------------------------------------------------------------------------
def complaints(output):
    """What is wrong with the words of a page for those who hear it: title, headings, pictures."""
    for path in output.rglob("*.html"):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        heading = soup.find("h1").get_text().removesuffix("#").strip()
        if not soup.title.get_text().startswith(heading.removesuffix("¶")):
            yield path.name, "title", soup.title.get_text(), heading
        levels = [int(node.name[1]) for node in soup.select("article :is(h1, h2, h3, h4, h5)")]
        if any(after > before + 1 for before, after in itertools.pairwise(levels)):
            yield path.name, "levels of headings", levels
        for picture in soup.select("article img"):
            if len(picture.get("alt", "")) < 15:
                yield path.name, "a picture without words", picture.get("src", "")[:80]


def serious(browser, output, names, scheme):
    """What axe calls serious or critical on some pages."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the extra proofs brings axe").Axe()
    for name in names:
        with opened(browser, (output / f"{name}.html").as_uri(), figures=False, color_scheme=scheme,
                    bypass_csp=True, viewport={"width": 1280, "height": 800}) as page:
            page.wait_for_load_state("load")
            for found in axe.run(page, options={"preload": False}).response["violations"]:
                if found["impact"] in ("serious", "critical"):
                    yield name, found["id"], found["nodes"][0]["html"]


def test_a_page_can_be_heard(small):
    assert list(complaints(small)) == []


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_can_be_read_by_everybody(small, browser, scheme):
    assert list(serious(browser, small, ["index", "search", f"notebooks/{LESSON}"], scheme)) == []


@pytest.mark.browser
def test_only_what_does_something_is_reached_by_tab(small, browser):
    with opened(browser, (small / f"notebooks/{LESSON}.html").as_uri()) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent").strip() == "Skip to content"
        idle = page.evaluate("""() => [...document.querySelectorAll("[tabindex='0']")].filter(node =>
            !node.closest(".cu") && node.scrollWidth <= node.clientWidth && node.checkVisibility())
            .map(node => node.outerHTML.slice(0, 80))""")
        assert idle == []


@pytest.mark.browser
def test_a_page_fits_a_telephone_and_its_dark_theme_reaches_the_figures(small, browser):
    with opened(browser, (small / f"notebooks/{LESSON}.html").as_uri(), color_scheme="light",
                viewport={"width": 390, "height": 844}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        ground = "getComputedStyle(document.querySelector('.cu')).backgroundColor"
        assert page.evaluate(ground) == "rgb(255, 255, 255)"
        page.evaluate("document.body.dataset.theme = 'dark'")
        page.wait_for_function(f"() => Math.max(...{ground}.match(/[0-9]+/g).map(Number)) < 60")


@pytest.mark.browser
def test_a_search_answers_from_a_folder(small, browser):
    with opened(browser, f"{(small / 'search.html').as_uri()}?q=saturation", figures=False) as page:
        page.wait_for_selector("#search-results li a")
        found = page.locator("#search-results li a").evaluate_all("all => all.map(each => each.getAttribute('href'))")
        assert any(LESSON in href for href in found)
        assert any("glossary.html#term-saturation" in href for href in found)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_by_everybody(whole, browser, scheme):
    names = [path.relative_to(whole).with_suffix("").as_posix() for path in whole.rglob("*.html")]
    assert len(names) > 40
    assert list(serious(browser, whole, names, scheme)) == []


@pytest.mark.browser
@pytest.mark.slow
def test_the_cheat_sheet_is_one_page_of_paper(whole):
    print_sheet(whole)
    assert len(re.findall(rb"/Type\s*/Page\b", (whole / "cheat_sheet.pdf").read_bytes())) == 1
    assert broken_links(whole) == []


@pytest.mark.slow
def test_the_whole_site_is_sound_and_small(whole):
    assert list(complaints(whole)) == []
    pages = {str(path): path.stat().st_size / 2**20 for path in whole.rglob("*.html")}
    assert max(pages.values()) < 1.5, pages
    assert sum(path.stat().st_size for path in whole.rglob("*") if path.is_file()) / 2**20 < 15
    assert not re.search(r"<script[^>]* src=\"https?:|@import url\(.?https?:",
                         "".join(path.read_text(encoding="utf-8") for path in whole.rglob("*.html")))


def test_what_is_broken_is_found(tmp_path):
    (tmp_path / "page.html").write_text("""<title>Other</title><article><h1>Page</h1><h3>Deep</h3>
        <a href="none.html">x</a><a href="#none">y</a><img src="none.png" alt="Figure"></article>""", encoding="utf-8")
    assert broken_links(tmp_path) == ["page.html: #none", "page.html: none.html", "page.html: none.png"]
    assert [what for _, what, *_ in complaints(tmp_path)] == ["title", "levels of headings", "a picture without words"]


# --- what is derived ------------------------------------------------------------------------------------------------
def test_terms_are_read_from_a_table_and_from_a_list():
    table = "**Terms**\n\n| term | meaning |\n|---|---|\n| encoder, decoder | reads, writes |\n| *W_q, W_k* | two |\n"
    assert listed(table) == [("encoder", "reads"), ("decoder", "writes"), ("W_q, W_k", "two")]
    assert listed("**Terms**\n\n- *block*: a step\n\n**Sources**\n\n- *none*: such") == [("block", "a step")]


def test_every_lesson_lists_terms():
    import nbformat

    lessons = {stem: nbformat.read(ROOT / f"notebooks/{stem}.ipynb", as_version=4) for stem in LESSONS}
    listing = {stem for term in terms_of(lessons).values() for stem in term.meanings}
    assert listing == {stem for stem in LESSONS if stem[:2].isdecimal()}


def test_the_first_use_of_a_term_is_linked_and_no_other():
    terms = {"weight": Term("weight", {"a": ""}), "attention weight": Term("attention weight", {"a": ""}),
             "query": Term("query", {"a": ""}), "later": Term("later", {"b": ""})}
    first = FirstUses(terms, ["a"])
    text = "# Weight\n\n`query` and <b title='weight'>a</b> later: **attention weights** of Queries.\n\n| weight |\n"
    assert first.link(text) == ("# Weight\n\n`query` and <b title='weight'>a</b> later: **{term}`attention weights "
                                "<attention weight>`** of {term}`Queries <query>`.\n\n| weight |\n")
    assert first.link("A query has a weight.") == "A query has a {term}`weight <weight>`."

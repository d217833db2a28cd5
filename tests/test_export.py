"""A notebook as a page: formulas, pictures and living figures with no kernel, all from one file."""

import argparse
import re
import warnings

import nbformat
import pytest
from figure_page import next_frame, visited
from notebook_parts import ROOT

from course_utils.classroom.lab.driver import chromium, new_context
from course_utils.classroom.pages import export
from course_utils.classroom.pages.formulas import formulas, mathml

PROSE = r"""# Scale
Each score $s_{ij} = q_i \cdot k_j$ costs 5\$ and not 6\$. In code `$x$`, and in a block:

```python
cost = "$y$"
```

$$\mathrm{softmax}\left(\frac{Q K^\top}{\sqrt{d_k}}\right) V$$

$$\begin{aligned} \operatorname{Var}(q \cdot k) &= \sum_{c=1}^{d_k} \operatorname{Var}(q_c k_c) \\
&= d_k \end{aligned}$$

\begin{equation} a < b \end{equation}

| a table | $d_k$ |
|---|---|
| of | $T \times S$ |

<details><summary>Hint with $x^2$</summary>
raw $\alpha_{ij} \ge 0$

parsed $\beta$
</details>
"""
FIGURE = """
from course_utils.explorers import AttentionExplorer
AttentionExplorer(["<b>it</b>", "</script>", "x"], q=[[1, 0], [0, 1], [1, 1]], k=[[2, 0], [0, 2], [1, 1]])
"""
STILL = """
from course_utils import plotting, start; start()
import matplotlib.pyplot as plt
figure, ax = plt.subplots()
ax = plotting.heatmap(ax, [[0.25, 0.75], [1, 0]], ["a", "b"])
"""
LATEX = "from IPython.display import Latex; Latex(r'$\\\\frac{1}{2}$')".replace("\\\\", "\\")


def notebook(*cells):
    cells = [nbformat.v4.new_markdown_cell(text) if kind == "prose" else nbformat.v4.new_code_cell(text)
             for kind, text in cells]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A notebook that was executed and exported by the command."""
    folder = tmp_path_factory.mktemp("export")
    cells = [("prose", PROSE), ("code", FIGURE), ("code", STILL), ("code", LATEX)]
    nbformat.write(notebook(*cells), folder / "some.ipynb")
    assert export_command(folder / "some.ipynb", folder / "out" / "some.html") == 0
    return folder / "out" / "some.html"


def export_command(*arguments):
    parser = argparse.ArgumentParser()
    export.add_arguments(parser)
    return export.run(parser.parse_args([str(each) for each in arguments]))


@pytest.fixture(scope="module")
def context():
    with chromium() as browser:
        yield new_context(browser, viewport={"width": 1280, "height": 720})


# --- formulas -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("latex", [
    r"\frac{e^{x_i}}{\sum_j e^{x_j}}", r"\operatorname{softmax}(x)", r"\mathbb{R}^{T \times S}", r"\sqrt{d_k}",
    r"\begin{bmatrix} 1 & 0 \\ -\infty & 1 \end{bmatrix}", r"\begin{cases} 1 & a \\ 0 & b \end{cases}",
    r"\text{a word}", r"\lVert q \rVert \, \hat{y} \in \{0, 1\}", r"q^\top k \le \lambda \approx \pi"])
def test_the_course_can_write_it(latex):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mathml(latex, "block").startswith('<math alttext="')


def test_latex_that_is_not_known_is_shown_and_told():
    with pytest.warns(UserWarning, match=r"formula left as LaTeX: '\\\\nothing x' .*nknown command"):
        assert mathml(r"\nothing x") == r'<code class="cu-latex">\nothing x</code>'


@pytest.mark.parametrize("text", ["costs 5$ or 6$", "<code>$x$</code>", '<a title="$x$">', "<pre>$a$ $b$</pre>",
                                  r"5\$ and 6\$", "a $ b $ c", "from $5 to $6"])
def test_a_dollar_sign_is_not_always_a_formula(text):
    assert formulas(text) == text


def test_html_in_a_formula_stays_text():
    assert "<b>" not in mathml("<b>")
    assert "&lt;b&gt;" in mathml("<b>")
    assert formulas("$a &lt; b$") == mathml("a < b")


@pytest.mark.parametrize(("cells", "title"), [
    (["# 4 Scaled dot product\n\nYou build it."], "4 Scaled dot product"),
    (["words", "## 4.1 Part", "# *Where* `q` is\n"], "Where q is"), (["## 4.1 Part"], "04_part"), ([], "04_part")])
def test_the_pages_title_is_the_lessons(cells, title):
    made = notebook(*(("prose", text) for text in cells))
    assert export.title_of(made, "04_part") == title
    assert f"<title>{title}</title>" in export.page_of(made, name=export.title_of(made, "04_part"))


def test_a_fold_stays_folded_with_markdown_in_it():
    fold = nbformat.v4.new_markdown_cell("<details>\n<summary>Hint</summary>\n\nLook at *it*.\n\n</details>\n\nAfter.")
    answer = nbformat.v4.new_code_cell("print(0.72)", outputs=[nbformat.v4.new_output("stream", text="0.72")],
                                       metadata={"jupyter": {"outputs_hidden": True}})
    shown = nbformat.v4.new_code_cell("print(7)", outputs=[nbformat.v4.new_output("stream", text="7.25")])
    page = export.page_of(nbformat.v4.new_notebook(cells=[fold, answer, shown]))
    folded = re.findall(r"<details.*?</details>", page[page.index("<main"):], re.DOTALL)
    assert len(folded) == 2
    assert "Look at <em>it</em>" in folded[0]
    assert "After" not in folded[0]
    assert "0.72" in folded[1]
    assert "7.25" not in folded[1]


# --- the page -------------------------------------------------------------------------------------------------------
@pytest.mark.browser
def test_the_page_lives_alone(context, written):
    with visited(context, written) as page:
        figure = page.locator(".cu")
        assert figure.count() == 1
        assert not page.locator("img[data-still]").is_visible()  # the living figure has taken its place
        before = figure.locator("canvas").first.evaluate("canvas => canvas.toDataURL()")
        page.get_by_role("slider", name="temperature").focus()
        page.keyboard.press("ArrowLeft")
        next_frame(page)
        assert figure.locator("canvas").first.evaluate("canvas => canvas.toDataURL()") != before
        assert "<b>it</b>" in page.locator(".cu-readout").inner_text()


@pytest.mark.browser
def test_formulas_show(context, written):
    with visited(context, written) as page:
        page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")
        sizes = page.locator("math").evaluate_all(
            "all => all.map(node => [node.getBoundingClientRect().width, node.textContent])")
        assert len(sizes) == 10
        assert all(width > 4 and text.strip() for width, text in sizes)
        assert page.locator("math mfrac").first.evaluate("node => node.getBoundingClientRect().height") > 20
        assert page.locator("math mtable tr, math mtr").count() >= 2
        prose = page.evaluate("""() => { const copy = document.querySelector('main').cloneNode(true);
            copy.querySelectorAll('code, pre, script, math, style').forEach(each => each.remove());
            return copy.textContent; }""")
        assert not re.search(r"\\[a-z]|\$\w", prose)
        assert "costs 5$ and not 6$" in prose
        assert page.get_by_text("$x$", exact=True).count() == 1


@pytest.mark.browser
def test_pictures_carry_their_words(context, written):
    with visited(context, written) as page:
        words = page.locator("main img:visible").evaluate_all("all => all.map(image => image.alt)")
        assert words == [
            "Heatmap of attention weights, 2 queries by 2 keys. Largest of each query: a to b 0.75, b to a 1.00."]


@pytest.mark.browser
def test_without_scripts_the_still_picture_stands_there(written):
    with chromium() as browser:
        page = new_context(browser, java_script_enabled=False).new_page()
        page.goto(written.as_uri())
        still = page.locator("img[data-still]")
        assert still.is_visible()
        assert "Heatmap of attention weights, 3 queries by 3 keys." in still.get_attribute("alt")


@pytest.mark.browser
def test_a_dark_page_has_dark_figures(context, tmp_path):
    made = notebook(("code", FIGURE))
    export.execute(made, tmp_path)
    path = tmp_path / "dark.html"
    path.write_text(export.page_of(made, theme="dark"), encoding="utf-8")
    with visited(context, path) as page:
        colour = page.locator(".cu").evaluate("node => getComputedStyle(node).backgroundColor")
        assert max(map(int, re.findall(r"\d+", colour)[:3])) < 60


@pytest.mark.browser
def test_notebook_04_lives_on_a_page(context, tmp_path):
    """The way of the slides and pages to come, proved on a whole lesson: mouse, keyboard, formulas, no request."""
    path = tmp_path / "04.html"
    assert export_command(ROOT / "notebooks" / "04_scaled_dot_product.ipynb", path) == 0
    with visited(context, path) as page:
        assert page.locator(".cu").count() >= 1
        slider = page.get_by_role("slider", name="d_k").first
        slider.scroll_into_view_if_needed()
        bars = page.locator(".cu-half rect.cu-tone")
        heights = "bars => bars.map(bar => bar.getAttribute('height')).join()"
        seen = {bars.evaluate_all(heights)}
        slider.focus()
        page.keyboard.press("ArrowRight")
        next_frame(page)
        seen.add(bars.evaluate_all(heights))
        box = slider.bounding_box()
        page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
        next_frame(page)
        seen.add(bars.evaluate_all(heights))
        assert len(seen) == 3
        assert page.locator("math").count() > 0
        assert page.locator("code.cu-latex").count() == 0


# --- when it has to run first ----------------------------------------------------------------------------------------
def test_a_notebook_whose_figures_were_not_saved_is_run(written):
    empty = notebook(("code", FIGURE))
    assert export.needs_run(empty)
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "abc"}}
    empty.cells[0].outputs = [nbformat.v4.new_output("display_data", data=view)]
    assert export.needs_run(empty)
    empty.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"abc": {}}}}
    assert not export.needs_run(empty)


def test_a_file_that_is_no_notebook_is_told(tmp_path, capsys):
    (tmp_path / "no.ipynb").write_text("no", encoding="utf-8")
    assert export_command(tmp_path / "no.ipynb") == 1
    assert export_command(tmp_path / "missing.ipynb") == 1
    assert capsys.readouterr().err.count("cannot be read as a notebook") == 2

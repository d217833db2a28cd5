"""Live figures on a page of their own, opened from a disk: no kernel, no server, no network."""

from contextlib import contextmanager

from course_utils.explorers.host import page as page_of

TINY = ["it", "sat", "down"]


@contextmanager
def opened(context, folder, *figures, viewport=None):
    """Show figures in a browser context made by lab.driver.new_context; afterwards nothing may have gone wrong.

    Yields the Playwright page, its figures drawn.
    """
    path = folder / "figures.html"
    path.write_text(page_of(*figures), encoding="utf-8")
    with visited(context, path, viewport) as page:
        yield page


@contextmanager
def visited(context, path, viewport=None):
    """Open an HTML file and wait until its figures live."""
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: (errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    if viewport:
        page.set_viewport_size(viewport)
    before = len(context.blocked)
    try:
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-figures=ready]", state="attached")
        yield page
        assert errors == []
        assert context.blocked[before:] == []
    except Exception as problem:
        if errors:  # what the page complained of may be why
            problem.add_note(f"The page had complained: {errors}")
        raise
    finally:
        page.close()


def next_frame(page):
    """Let the page draw what it was asked to draw: the picture in this frame, words in a task after it."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame("
                  "() => setTimeout(done, 2))))")


def state(page, name, n=0):
    """Read a trait of the n-th figure, as a kernel would."""
    return page.evaluate("([name, n]) => [...liveFigures.values()].filter(m => m.get('kind'))[n].get(name)", [name, n])


def set_state(page, n=0, **values):
    """Set traits of the n-th figure, as a kernel would, and wait until it is drawn."""
    page.evaluate("([values, n]) => { const m = [...liveFigures.values()].filter(m => m.get('kind'))[n];"
                  " for (const [name, value] of Object.entries(values)) m.set(name, value); }", [values, n])
    next_frame(page)


def pixels(page, selector=".cu-map canvas"):
    """The pixels of a canvas, to be compared."""
    return page.locator(selector).first.evaluate("canvas => canvas.toDataURL()")

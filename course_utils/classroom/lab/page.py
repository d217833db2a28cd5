"""What a person does in JupyterLab, as methods: open a notebook, run it, type into a cell, look at the pixels.

Every method waits for what it caused, never for a length of time.
"""

from __future__ import annotations

import hashlib
import time

__all__ = ["LabPage", "NotebookFailed"]

_VISIBLE = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook"
_NEXT_FRAME = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

# The notebook in front: its panel, the state of its kernel, its cells as the file will hold them.
_PANEL = "window.jupyterapp.shell.currentWidget"
_IDLE = f"{_PANEL}?.sessionContext?.session?.kernel?.status === 'idle'"
_READY = f"""path => {_PANEL}?.context?.path === path && {_PANEL}.context.isReady && {_PANEL}.content.isAttached
    && {_PANEL}.content.widgets.length === {_PANEL}.content.model.cells.length && {_IDLE}"""


class NotebookFailed(AssertionError):
    """A cell of the notebook raised an exception."""


class LabPage:
    """A browser page with JupyterLab in it.

    Parameters
    ----------
    page : playwright.sync_api.Page
        A new page.
    server : LabServer
        Where JupyterLab answers.

    Attributes
    ----------
    page : playwright.sync_api.Page
        For everything that has no method here.
    errors : list of str
        Exceptions of the page's own code, and what it wrote to the console as an error.
    """

    def __init__(self, page, server):
        self.page, self.server, self.errors = page, server, []
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: self.errors.append(f"exception: {error.stack or error}"))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.start_afresh()

    def start_afresh(self):
        """Load JupyterLab with no notebook open, whatever the page showed before."""
        self.page.goto(f"{self.server.url}/lab?reset&token={self.server.token}", wait_until="domcontentloaded")
        self.page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)", timeout=120_000)
        self._wait_for_splash()
        self._command("application:toggle-left-area")  # the file browser takes room from the notebook

    @property
    def blocked(self):
        """Addresses beyond this machine that the page asked for; none was reached."""
        return self.page.context.blocked

    def _command(self, name, **arguments):
        return self.page.evaluate(
            "([name, arguments]) => window.jupyterapp.commands.execute(name, arguments).then(() => null)",
            [name, arguments])

    # --- notebooks ------------------------------------------------------------------------------------
    def open(self, path, timeout=120):
        """Open a notebook and wait until its kernel is idle; `path` is relative to the server's folder.

        Run All before the kernel is connected would clear the cells and run none of them.

        Raises
        ------
        NotebookFailed
            JupyterLab shows a dialog instead, for a file that it cannot read, say.
        """
        path = str(path).replace("\\", "/")
        self.page.evaluate(
            "path => window.jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'})"
            ".then(() => null, () => null)", path)
        ready = f"path => document.querySelector('.jp-Dialog')?.innerText || ({_READY})(path)"
        answer = self.page.wait_for_function(ready, arg=path, timeout=timeout * 1000).json_value()
        if answer is not True:
            raise NotebookFailed(f"{path}: JupyterLab says {' '.join(answer.split())!r}")

    def close(self):
        """Close the notebook in front without saving it, and end its kernel."""
        self.page.evaluate(f"""async () => {{
            const panel = {_PANEL};
            await panel.sessionContext.shutdown();
            panel.context.model.dirty = false;
            panel.dispose();
        }}""")

    def run_all(self, timeout=300):
        """Run all cells from the top and wait for the last.

        Raises
        ------
        NotebookFailed
            A cell raised an exception, or one with code was not run.
        """
        self.page.evaluate("""() => {
            window.courseRan = null;
            window.jupyterapp.commands.execute('notebook:run-all-cells')
                .then(() => { window.courseRan = 'done'; }, error => { window.courseRan = String(error); });
        }""")
        self.page.wait_for_function(f"() => window.courseRan !== null && {_IDLE}", timeout=timeout * 1000)
        failed = [f"cell {i}: {output['ename']}: {output['evalue']}" for i, cell in enumerate(self.cells())
                  for output in cell.get("outputs", []) if output["output_type"] == "error"]
        idle = [f"cell {i} was not run" for i, cell in enumerate(self.cells())
                if cell["cell_type"] == "code" and "".join(cell["source"]).strip() and not cell["execution_count"]]
        if failed or idle:
            raise NotebookFailed("; ".join(failed or idle))

    def cells(self):
        """The cells of the notebook in front, as its file would hold them: a list of dict."""
        return self.page.evaluate(f"() => {_PANEL}.content.widgets.map(cell => cell.model.toJSON())")

    def find_cell(self, text="", *, tag=None, after=-1):
        """Index of the first cell after `after` with this text in its source, and with this tag."""
        for i, cell in enumerate(self.cells()):
            tags = cell["metadata"].get("tags", [])
            if i > after and text in "".join(cell["source"]) and (tag is None or tag in tags):
                return i
        raise LookupError(f"no cell after {after} has the text {text!r} and the tag {tag!r}")

    # --- cells ----------------------------------------------------------------------------------------
    def cell(self, i):
        """Locator of a cell."""
        return self.page.locator(f"{_VISIBLE} .jp-Cell").nth(i)

    def output(self, i):
        """Locator of a code cell's output."""
        return self.cell(i).locator(".jp-Cell-outputArea")

    def write(self, i, source):
        """Replace a code cell's text by keyboard, as a person does who pastes."""
        editor = self.cell(i).locator(".jp-InputArea-editor .cm-content")
        editor.scroll_into_view_if_needed()
        editor.click()
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.insert_text(source)
        self.page.wait_for_function(f"([i, source]) => {_PANEL}.content.widgets[i].model.sharedModel.source === source",
                                    arg=[i, source])

    def run(self, i, timeout=60):
        """Run one code cell by Ctrl+Enter and wait for its end; return the text of its output."""
        model = f"{_PANEL}.content.widgets[{i}].model"
        self.page.evaluate(f"() => {{ {model}.executionCount = null; }}")  # a new kernel may count to the same
        self.cell(i).locator(".jp-InputArea-editor .cm-content").click()
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(f"() => {model}.executionCount !== null && {_IDLE}", timeout=timeout * 1000)
        self.page.evaluate(_NEXT_FRAME)  # what the kernel sent is drawn with the next frame
        return self.output(i).inner_text() if self.output(i).count() else ""

    def python(self, code):
        """Run code in the notebook's kernel, beside its cells, and return what it printed."""
        return self.page.evaluate(f"""async code => {{
            let text = '';
            const future = {_PANEL}.sessionContext.session.kernel.requestExecute({{code, store_history: false}});
            future.onIOPub = message => {{
                if (message.header.msg_type === 'stream') text += message.content.text;
                if (message.header.msg_type === 'error') text += message.content.traceback.join('\\n');
            }};
            await future.done;
            return text;
        }}""", code)

    # --- looks ----------------------------------------------------------------------------------------
    def use_theme(self, name):
        """Switch JupyterLab to its ``"light"`` or ``"dark"`` theme."""
        on = f"() => document.body.dataset.jpThemeLight === '{'true' if name == 'light' else 'false'}'"
        if self.page.evaluate(on):
            return
        self._command("apputils:change-theme", theme=f"JupyterLab {name.capitalize()}")
        self.page.wait_for_function(on)
        self._wait_for_splash()
        self.page.evaluate(_NEXT_FRAME)

    def _wait_for_splash(self):
        """JupyterLab lays its sign over the page while it loads, and dims what is below."""
        self.page.wait_for_function("() => !document.getElementById('jupyterlab-splash')")

    def pixels(self, locator):
        """A short hash of what an element shows: of its own pixels for a canvas, else of a screenshot of it."""
        if locator.evaluate("element => element.tagName") == "CANVAS":
            shown = locator.evaluate("element => element.toDataURL()").encode()
        else:
            shown = locator.screenshot(animations="disabled", caret="hide")
        return hashlib.sha256(shown).hexdigest()[:16]

    def wait_for_new_pixels(self, locator, before, timeout=20):
        """Wait until an element no longer shows the pixels with the hash `before`; return the new hash.

        Raises
        ------
        TimeoutError
            It still does after `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while (now := self.pixels(locator)) == before:
            if time.monotonic() > end:
                raise TimeoutError(f"the pixels did not change within {timeout} s")
            self.page.evaluate(_NEXT_FRAME)
        return now

"""The scene figures that tests look at, and a page that shows one without a kernel."""

from contextlib import ExitStack

from figure_page import next_frame, opened, state

from course_utils.classroom.lab.driver import new_context
from course_utils.explorers import DotProductExplorer, HullExplorer, NudgeExplorer, SoftmaxExplorer, TokenPath

SQUARE = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]
PATH = {"W_q": [(2, 0, 1, 0), (0, 2, 0, 2), (0, 0, 2, 0)], "W_k": [(2, 0, 0, 0), (0, 2, 0, 1), (0, 0, 2, 0)],
        "W_v": [(10, 0), (0, 10), (5, 5)], "queries": {"who": (1, 0, 0), "what": (0, 1, 0)}, "scaled": False}
HOSTILE = ["<script>document.title = 'broken'</script>", "<img src=x onerror=\"document.title = 'broken'\">",
           "\N{GRINNING FACE}" * 3, "مرحبا بالعالم", "a" * 500, "$x_1$ & \"quotes\" 'too'", "", "two\nlines\ttab"]


def make_pair(**options):
    return DotProductExplorer((3, 1), (1, 2), **options)


def make_search(**options):
    return DotProductExplorer((2, 1), keys={"cat": (2, 1.5), "dog": (1, 2), "car": (-2, 1)}, **options)


def make_bars(**options):
    return SoftmaxExplorer([2.0, 1.0, 0.0], ["cat", "sat", "mat"], **options)


def make_hull(**options):
    return HullExplorer(SQUARE, list("ABCD"), amounts=[0.5, 1.0, 0.25, 0.25], **options)


def make_scores(**options):
    return HullExplorer(SQUARE, scores=[1, 0, 2, -1], **options)


def make_lookup(**options):
    return HullExplorer(SQUARE[:3], ["cat", "dog", "sun"], keys=[(1, 0), (0, 1), (-1, -0.5)], query=(0.5, 1.5),
                        **options)


def make_path(**options):
    return TokenPath(["dog", "found", "bone"], [(1, 0, 0), (0, 0, 1), (0, 1, 0)], **PATH | options)


def make_nudge(**options):
    return NudgeExplorer([2.0, 0.0, -1.0], ["cat", "mat", "the"], **options)


ALL = {"pair": make_pair, "search": make_search, "bars": make_bars, "hull": make_hull, "scores": make_scores,
       "lookup": make_lookup, "nudge": make_nudge, "path": make_path}


class Shown:
    """Figures on a page opened from a disk, and what a person does to the first of them."""

    def __init__(self, browser, folder, *figures, **options):
        self.ending = ExitStack()
        self.context = new_context(browser, **{"viewport": {"width": 1280, "height": 720}} | options)
        self.ending.callback(self.context.close)
        self.page = self.ending.enter_context(opened(self.context, folder, *figures))

    def close(self):
        """Close the page; nothing may have failed or asked for the network."""
        self.ending.close()

    def state(self, name):
        """Read a trait, as a kernel would."""
        self.settle()
        return state(self.page, name)

    def settle(self):
        """Wait until the browser has drawn what it was told."""
        next_frame(self.page)

    def words(self):
        """Every word on the page, without the signs that keep directions apart."""
        self.settle()
        return self.page.inner_text("body").replace("\u2068", "").replace("\u2069", "")

    def drag(self, label, by, touch=False):
        """Drag a point by so many pixels."""
        box = self.page.get_by_label(label, exact=True).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        path = [(x, y)] + [(x + by[0] * part / 4, y + by[1] * part / 4) for part in range(1, 5)]
        if touch:
            session = self.context.new_cdp_session(self.page)
            for n, (px, py) in enumerate(path):
                session.send("Input.dispatchTouchEvent", {"type": "touchMove" if n else "touchStart",
                                                          "touchPoints": [{"x": px, "y": py}]})
            session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        else:
            self.page.mouse.move(*path[0])
            self.page.mouse.down()
            for px, py in path[1:]:
                self.page.mouse.move(px, py)
            self.page.mouse.up()
        self.settle()

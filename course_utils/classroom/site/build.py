"""``python -m course_utils site OUT``: write the course as a site that needs no kernel, no server and no network."""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from course_utils.classroom.site.address import SETTING, public_address
from course_utils.classroom.site.gather import ARCHIVE, TAKE, gather
from course_utils.classroom.site.links import broken_links
from course_utils.classroom.site.settings import settings

ROOT = Path(__file__).resolve().parents[3]
SHEET = "cheat_sheet.pdf"


def build(root, output, address, only=None, pdf=False):
    """Build the site.

    Parameters
    ----------
    root : Path
        A clone of the course.
    output : Path
        A folder; what a former build left there goes.
    address : Address
        Where the course is to be found by everybody, if anywhere.
    only : sequence of str, optional
        Stems of the notebooks and texts to take, for a quick look.
    pdf : bool
        Print the cheat sheet too.

    Returns
    -------
    list of str
        What Sphinx complained of: a link that leads nowhere, a formula that is none.
    """
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    title = re.match(r"# (.+)", (root / "README.md").read_text(encoding="utf-8"))[1]
    complaints = io.StringIO()
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "source")
        gather(root, source, address, only)
        clear(output)
        with patch_docutils(), docutils_namespace():
            app = Sphinx(source, None, output, Path(scratch, "doctrees"), "html", settings(title), status=None,
                         warning=complaints, freshenv=True)
            app.build(force_all=True)
        shutil.copytree(source / "_pictures", output / "_pictures", dirs_exist_ok=True)
    if pdf:
        print_sheet(output)
    pack(output)
    (output / ".nojekyll").touch()  # GitHub's pages leave out folders with an underscore otherwise
    plain = re.sub(r"\x1b\[[\d;]*m", "", complaints.getvalue())
    told = [line.replace(str(source), "") for line in plain.splitlines() if line.strip()]
    return told + [f"a link that leads nowhere: {link}" for link in broken_links(output)]


def pack(output):
    """Put the site into one file beside its first page, for places without a connection."""
    paths = sorted(path for path in output.rglob("*") if path.is_file())
    with zipfile.ZipFile(output / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            name = path.relative_to(output).as_posix()
            entry = zipfile.ZipInfo(f"attention/{name}", (1980, 1, 1, 0, 0, 0))  # the same site, the same bytes
            entry.external_attr = 0o644 << 16
            data = path.read_bytes()
            if name == "index.html":
                data = TAKE.sub("", data.decode()).encode()
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)


def print_sheet(output):
    """Print the cheat sheet on one page of A4, as small as that needs; the browser of the tests does it."""
    from course_utils.classroom.lab.driver import chromium, new_context

    with chromium() as browser:
        page = new_context(browser, color_scheme="light").new_page()
        page.goto((output / "cheat_sheet.html").as_uri())
        for percent in range(100, 49, -5):
            data = page.pdf(format="A4", scale=percent / 100,
                            margin=dict.fromkeys(("top", "bottom", "left", "right"), "8mm"))
            if len(re.findall(rb"/Type\s*/Page\b", data)) == 1:
                break
    (output / SHEET).write_bytes(data)
    link = f'</h1>\n<p class="cu-paper"><a href="{SHEET}">On one page of paper (PDF)</a></p>'
    sheet = output / "cheat_sheet.html"
    sheet.write_text(sheet.read_text(encoding="utf-8").replace("</h1>", link, 1), encoding="utf-8")


def clear(output):
    """Empty a folder that an earlier build wrote; another folder that holds something is left alone.

    Raises
    ------
    ValueError
        When it holds something else.
    """
    if output.is_dir() and any(output.iterdir()):
        if not (output / "searchindex.js").is_file():
            raise ValueError(f"output should be a new folder, an empty one or an earlier site, got {output}")
        shutil.rmtree(output)
    output.mkdir(parents=True, exist_ok=True)


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument("output", type=Path, help="the folder to write")
    parser.add_argument("--address", help=f"https://HOST/OWNER/NAME, the public repository ({SETTING})")
    parser.add_argument("--pdf", action="store_true", help=f"{SHEET} too, which needs the browser of the tests")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these notebooks and texts alone, by their names")


def run(args):
    """Write the site; returns 0, or 1 after saying what is wrong."""
    if not (ROOT / "notebooks").is_dir():
        print("The site is made from a clone of the course: notebooks/ is not here.", file=sys.stderr)
        return 1
    began = time.monotonic()
    try:
        complaints = build(ROOT, args.output.resolve(), public_address(ROOT, args.address), args.only,
                           args.pdf and args.only is None)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    files = [path for path in args.output.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 2**20
    print(f"Wrote {args.output} in {time.monotonic() - began:.0f} s: "
          f"{sum(path.suffix == '.html' for path in files)} pages, {size:.1f} MiB. Open {args.output / 'index.html'}")
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0

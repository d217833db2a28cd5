"""Rules about the frame of a notebook: title, objectives, set-up, headings, recap."""

import re

from notebook_parts import blocks, bullets, called, tags, unfenced, words

from anatomy.lesson import rule

OBSERVABLE = set("""
    answer ask assert build calculate change check choose compare complete compute count debug
    decide derive describe design detect draw estimate explain express extend find fix give
    implement invert judge label list locate mask match measure merge move name order place plot
    point predict prove put rank read recognise reorder repair replace reproduce rewrite run say
    scale show sketch solve sort split spot state switch tell test trace train translate turn use
    verify weigh work write
""".split())
MINUTES = re.compile(r"(\d+) minutes, (\d+) of them exercises")


@rule
def title(lesson):
    """The first cell is `# N Title` and a sentence; no other top heading."""
    lines = lesson.cells[0].source.strip().split("\n")
    match = re.match(r"# (\d+) \S", lines[0])
    if not match or int(match[1]) != lesson.number:
        yield f"cell 0 should begin with '# {lesson.number} Title', got {lines[0]!r}"
    elif words("\n".join(lines[1:])) < 5:
        yield "cell 0 should say in a sentence, below the title, what the reader will have made"
    for i, cell in lesson.markdown[1:]:
        if re.search(r"^# ", unfenced(cell.source), re.MULTILINE):
            yield f"cell {i}: only the title is a heading of the first level"


@rule
def objectives(lesson):
    """'You will be able to' and 3 to 5 bullets that begin with an observable verb."""
    _, found, rest = lesson.opening.partition("You will be able to")
    if not found:
        yield "the cells before the set-up should say 'You will be able to'"
        return
    items = first_list(rest)
    if not 3 <= len(items) <= 5:
        yield f"'You will be able to' should have 3 to 5 bullets, got {len(items)}"
    for item in items:
        verb = re.sub(r"[*_`]", "", item).split()[0].lower().strip(",:")
        if verb not in OBSERVABLE:
            yield f"an objective begins with {verb!r}, which is not in anatomy.OBSERVABLE: {item!r}"


def first_list(text):
    """The items of the first dashed list in a text."""
    match = re.search(r"(?:^[-*] +.+\n?(?:^ +\S.*\n?)*)+", text + "\n", re.MULTILINE)
    return bullets(match[0]) if match else []


@rule
def needs(lesson):
    """What the reader needs, the minutes and the shapes; the minutes of the core exercises add up."""
    for word in ("You need", "Shapes"):
        if word not in lesson.opening:
            yield f"the cells before the set-up should have a line {word!r}"
    found = MINUTES.findall(lesson.opening)
    if len(found) != 1:
        yield f"wanted one phrase like '45 minutes, 20 of them exercises' before the set-up, got {len(found)}"
        return
    whole, part = map(int, found[0])
    tasks = [block for block in blocks(lesson.notebook) if block.task is not None]
    known = sum(block.minutes_and_kind[0] for block in tasks
                if block.minutes_and_kind and block.minutes_and_kind[1] == "core")
    if known != part:
        yield f"the core exercises take {known} minutes together, the opening says {part}"
    if not part < whole <= 120:
        yield f"{whole} minutes in all should be more than {part} and at most 120"


@rule
def setup(lesson):
    """The first code cell, and no other, has the tag setup and calls start()."""
    tagged = [i for i, cell in lesson.code if "setup" in tags(cell)]
    if not lesson.code or tagged != [lesson.code[0][0]]:
        yield f"the first code cell and no other should have the tag setup, got cells {tagged}"
    elif not called(lesson.code[0][1], "start"):
        yield "the set-up cell should call start()"


@rule
def headings(lesson):
    """Sections are numbered N.1, N.2, ... and exercises likewise, in order."""
    text = "\n".join(unfenced(cell.source) for _, cell in lesson.markdown)
    for kind, pattern in (("section", r"^## (\d+)\.(\d+) \S"), ("exercise", r"^## Exercise (\d+)\.(\d+) \S")):
        found = [(int(n), int(k)) for n, k in re.findall(pattern, text, re.MULTILINE)]
        if found != [(lesson.number, k) for k in range(1, len(found) + 1)]:
            yield f"{kind} headings should count {lesson.number}.1, {lesson.number}.2, ..., got {found}"
        if not found:
            yield f"there is no {kind} heading"
    for heading in re.findall(r"^## (.+)$", text, re.MULTILINE):
        if not re.match(r"(Exercise )?\d+\.\d+ \S|Recap\s*$", heading):
            yield f"the heading {heading!r} should be 'N.k Words', 'Exercise N.k Words' or 'Recap'"


@rule
def recap(lesson):
    """The last section repeats the objectives, names terms, what comes next, and described sources."""
    if lesson.recap_at is None:
        yield "there is no '## Recap'"
        return
    text = "\n\n".join(cell.source for cell in lesson.cells[lesson.recap_at:] if cell.cell_type == "markdown")
    promised = len(first_list(lesson.opening.partition("You will be able to")[2]))
    answered = len(first_list(text))
    if answered != promised:
        yield f"the recap's first list should answer the {promised} objectives one by one, got {answered}"
    for word in ("Terms", "Next", "Sources"):
        if not re.search(rf"^[#*_ ]*{word}\b", text, re.MULTILINE):
            yield f"the recap should have a line that begins with {word!r}"
    after = re.split(r"^[#*_ ]*Sources\b", text, flags=re.MULTILINE)[1:]
    for item in bullets("".join(after)) or [""]:
        if words(item) < 6:
            yield f"a source should be described in at least 6 words, got {item!r}"
    for i, cell in lesson.code:
        if i > lesson.recap_at and not called(cell, "progress"):
            yield f"cell {i}: after the recap only progress() is run"

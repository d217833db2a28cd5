"""The rooms of the package: imports run one way and in no circle, and what each room holds is counted."""

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLACES = [*(ROOT / "course_utils").rglob("*.py"), *(ROOT / "tools").rglob("*.py")]

# From the ground floor up: what a room may import. Each names rooms above it in this list only.
MAY = {
    "lazy": (),
    "moved": (),
    "shapes": (),
    "attention": ("shapes",),
    "multihead": ("shapes", "attention"),
    "datasets": ("lazy", "shapes"),
    "models": ("lazy", "shapes", "attention", "multihead", "datasets"),
    "plotting": ("lazy", "shapes"),
    "explorers": ("lazy", "shapes", "attention", "plotting"),
    "checks": ("moved",),
    "laboratories": ("lazy", "shapes", "attention", "multihead", "datasets", "models", "checks"),
    # The reference of the block stands in models, where it is trained.
    "exercises": ("shapes", "attention", "multihead", "models", "checks", "laboratories"),
    "learner": ("lazy", "shapes", "plotting", "checks", "exercises"),
    "classroom": ("moved", "shapes", "attention", "multihead", "datasets", "models", "plotting", "explorers",
                  "checks", "laboratories", "exercises", "learner"),
    "__main__": ("classroom",),
}
# Lines of exercises, families and checks together, as `lines_by_room` counts them: the bank is to become one pipeline
# of 3,000 lines less than when that was begun. Lessons that came later are not among them.
LATER = ("course_utils.exercises.block", "course_utils.exercises.roles", "course_utils.exercises.images",
         "course_utils.exercises.real", "course_utils.exercises.costs")
# Pointing at an expression, and measuring how often that is right, which came later than the bank.
THE_PLACE = ("course_utils.checks.place.", "course_utils.exercises.places", "course_utils.exercises.changed")
COUNTED = {"7cef92b, when it was begun": 16_760, "a0649d6, before the rooms": 18_923, "when the rooms stood": 20_013}
MOST = 22_200  # by then it grows, by what was missing; lowered to 13_760 once the pipeline stands


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[parts[0] == "tools":]).removesuffix(".__init__")


MODULES = {name_of(path): path for path in PLACES}


def imports(path):
    """The modules of ours that a file imports, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found & MODULES.keys()


def named(path):
    """The modules of ours whose full name is written in a file, as for `import_module`."""
    words = {node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {word for word in words & MODULES.keys() if word.startswith("course_utils.")}


def room(name):
    return name.split(".")[1] if "." in name else name


def test_a_room_imports_only_what_lies_below_it():
    rooms = list(MAY)
    for place, below in MAY.items():
        assert set(below) <= set(rooms[:rooms.index(place)]), place
    ours = {name: path for name, path in MODULES.items() if name.startswith("course_utils.")}
    assert {room(name) for name in ours} == set(rooms), "each room has its place in the order"
    wrong = {(name, other) for name, path in ours.items() if name != "course_utils.moved"
             for other in imports(path) | named(path)
             if other != "course_utils" and room(other) not in (room(name), *MAY[room(name)])}
    assert wrong == set()


def test_the_package_itself_imports_nothing_that_its_names_do_not_need():
    assert imports(MODULES["course_utils"]) == {"course_utils.lazy", "course_utils.moved"}


def circle(graph):
    """The modules of one circle, in order; empty if there is none."""
    done = set()

    def walk(name, way):
        if name in way:
            return way[way.index(name):]
        if name not in done:
            for other in sorted(graph[name]):
                if found := walk(other, [*way, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := walk(name, []))), [])


def test_no_modules_import_each_other_in_a_circle():
    graph = {name: imports(path) - {name} for name, path in MODULES.items()}
    assert {"pythons", "course_utils.classroom.lab.doctor"} <= graph["installing"], "tools are looked at too"
    assert circle(graph) == []


@pytest.mark.parametrize(("graph", "found"), [
    ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c"]), ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, [])])
def test_a_circle_is_found(graph, found):
    assert circle(graph) == found


def lines_by_room():
    """Lines of Python in each room, blank ones and comments included."""
    counts = Counter()
    for name, path in MODULES.items():
        if name.startswith("course_utils."):
            place = "exercises of later lessons" if name.startswith(LATER) else room(name)
            place = "the place" if name.startswith(THE_PLACE) else place
            counts[place] += len(path.read_text(encoding="utf-8").splitlines())
    return counts


def test_the_bank_grows_no_further():
    """It prints the lines of each room too; `pytest -s tests/test_rooms.py` shows them."""
    counts = lines_by_room()
    bank = counts["exercises"] + counts["checks"]
    print(*(f"{count:7,}  {place}" for place, count in counts.most_common()), sep="\n")
    print(f"{bank:7,}  exercises, families and checks together", *(f"{n:7,}  {when}" for when, n in COUNTED.items()),
          sep="\n")
    assert bank <= MOST


def test_the_room_of_the_place_stays_small():
    assert lines_by_room()["the place"] <= 2_300
    assert all(len(path.read_text(encoding="utf-8").splitlines()) <= 450 for name, path in MODULES.items()
               if name.startswith(THE_PLACE))


def test_what_a_learner_reads_stays_short():
    read = ("shapes", "attention", "multihead", "learner.calls", "learner.session")
    assert sum(len(MODULES[f"course_utils.{name}"].read_text(encoding="utf-8").splitlines()) for name in read) < 1000

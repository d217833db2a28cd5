"""What a teacher may want to look at: attempts to get round the grader, and answers that are the same.

Nothing here costs points, and nothing here proves anything.
"""

import hashlib
import io
import keyword
import re
import tokenize
from collections import defaultdict

__all__ = ["look_through", "normalised", "twins", "worth_a_look"]

_SIGNS = {
    "reads the exercises of the course": r"course_utils\s*\.\s*(exercises|checks|classroom|attention|laboratories)|"
                                         r"from\s+course_utils\s+import\s+[\w, ]*\b(exercises|checks|attention)\b",
    "takes what own(...) keeps": r"\bown\([^()]*\)\.(?!whose\b)\w+|\.(reference|known_cases)\b|getattr\(\s*own\(",
    "looks into the caller": r"_getframe|currentframe|inspect\s*\.\s*(stack|trace)|f_back|f_globals|__main__",
    "looks through the memory": r"gc\s*\.\s*get_|/proc/|ctypes",
    "starts processes": r"subprocess|os\s*\.\s*(system|fork|spawn\w*|popen|exec\w*)|multiprocessing|pty\s*\.",
    "opens a connection": r"\bsocket\b|urllib|http\.client|\brequests\b",
    "opens files": r"\bopen\s*\(|pathlib|shutil|os\s*\.\s*(walk|listdir|scandir|environ)",
    "ends or signals a process": r"os\s*\.\s*(_exit|kill|abort)|signal\s*\.|atexit|sys\s*\.\s*exit",
    "changes NumPy, PyTorch or Python": r"\b(np|numpy|torch|builtins|sys\.modules)\s*(\.\s*\w+|\[[^\]]*\])+\s*=(?!=)|"
                                        r"\bsetattr\s*\(\s*(np|numpy|torch|builtins)",
    "is equal to everything": r"def\s+__(eq|array_function|array_ufunc|torch_function)__",
    "runs text as code": r"\b(exec|eval)\s*\(|__import__|pickle|marshal",
}
_SIGNS = {name: re.compile(pattern) for name, pattern in _SIGNS.items()}
_HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS.*?(### END HIDDEN TESTS|\Z)", re.DOTALL)
_SHORT = 12  # an answer of fewer words looks the same in every head


def look_through(source, allowed=()):
    """Name what is unusual in a source, comments left out; modules of the course that are allowed are not."""
    raw = _tight(source[:200_000].replace("\\\n", " "))
    if not any(pattern.search(raw) for pattern in _SIGNS.values()):
        return []  # nearly always; a sign may still stand in a comment only
    plain = " ".join(_words(source[:200_000], keep_names=True)) if source.strip() else ""
    tight = _tight(plain)
    for module in allowed:
        package, _, name = module.rpartition(".")
        tight = re.sub(rf"\bfrom {re.escape(module)} |\bimport {re.escape(module)}\b|"
                       rf"\bfrom {re.escape(package)} import {re.escape(name)}\b(?! ?,)", " ", tight)
    return [name for name, pattern in _SIGNS.items() if pattern.search(tight)]


def _tight(text):
    return re.sub(r"\s*([.()\[\]])\s*", r"\1", text)


def worth_a_look(answers, notebook, assignment):
    """Name what is unusual anywhere in a notebook: in the answers, and in all cells that are not the assignment's.

    Parameters
    ----------
    answers : dict of str to str
        Sources by exercise.
    notebook : Notebook
    assignment : Assignment

    Returns
    -------
    list of str
        ``"softmax: opens files"``, or ``"cell 7: opens files"`` for the seventh code cell.
    """
    found = {f"{name}: {sign}" for name, source in answers.items() for sign in look_through(source, assignment.allowed)}
    known = {line.strip() for source in assignment.given for line in source.split("\n")}
    left = 500_000  # letters: nobody writes more, and the judge has other work
    looked_at = {source.strip() for source in answers.values()}
    for number, cell in enumerate(notebook.code, 1):
        if cell.source.strip() in looked_at:
            continue
        # nbgrader puts the hidden tests back; of a given cell that was changed only what is new is the student's.
        lines = _HIDDEN.sub("", cell.source).split("\n")
        own = "\n".join(line for line in lines if line.strip() not in known)[:left]
        left -= len(own)
        found.update(f"cell {number}: {sign}" for sign in look_through(own, assignment.allowed))
    return sorted(found)


def normalised(source):
    """A fingerprint of an answer that layout, comments and the choice of names do not change.

    Returns
    -------
    str
        Empty for an answer that is too short to tell anything.
    """
    words = _words(source[:200_000])
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16] if len(words) >= _SHORT else ""


def _words(source, keep_names=False):
    names, words, line = {}, [], 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER):
                continue
            word = token.string
            if token.type == tokenize.NAME and not keyword.iskeyword(word) and not keep_names:
                word = names.setdefault(word, f"n{len(names)}")
            words.append(word if token.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE)
                         else str(token.type))
            line = token.end[0]
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        words += "\n".join(source.split("\n")[line:]).split()  # what cannot be read as Python is read as words
    return words


def twins(records):
    """Find groups of students whose answers are the same after normalising.

    An answer that a third of the class or more shares is the usual one and tells nothing.

    Parameters
    ----------
    records : sequence of dict

    Returns
    -------
    list of (str, list of str)
        Exercise and students.
    """
    groups = defaultdict(list)
    for record in records:
        for result in record["exercises"]:
            if result["print"]:
                groups[result["name"], result["print"]].append(record["student"])
    usual = max(3, len(records) / 3)
    return sorted((name, sorted(students)) for (name, _), students in groups.items() if 2 <= len(students) < usual)

"""What a teacher may want to look at: attempts to get round the grader, and answers that are the same.

Nothing here costs points, and nothing here proves anything.
"""

import hashlib
import io
import keyword
import re
import tokenize
from collections import defaultdict

__all__ = ["look_through", "normalised", "twins"]

_SIGNS = {
    "reads the exercises of the course": r"course_utils\s*\.\s*(exercises|checks|classroom|attention|laboratories)|"
                                         r"from\s+course_utils\s+import\s+[\w, ]*\b(exercises|checks|attention)\b",
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
_SHORT = 12  # an answer of fewer words looks the same in every head


def look_through(source):
    """Name what is unusual in an answer's source, comments left out."""
    plain = " ".join(_words(source[:200_000], keep_names=True)) if source else ""
    tight = re.sub(r"\s*([.()\[\]])\s*", r"\1", plain)
    return [name for name, pattern in _SIGNS.items() if pattern.search(tight)]


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
    names, words = {}, []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER):
                continue
            word = token.string
            if token.type == tokenize.NAME and not keyword.iskeyword(word) and not keep_names:
                word = names.setdefault(word, f"n{len(names)}")
            words.append(word if token.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE)
                         else str(token.type))
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        words += source.split() if not words else []
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

"""Dates as ten languages write them, and the same dates in ISO form: a small task of real translation.

The names and patterns come from the Unicode CLDR (``data/README.md``). Everything is written in lower case.
Years have four digits, and no pattern of numbers alone is month, day, year, so every written date has one
meaning.
"""

import datetime
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from course_utils.datasets.files import read_data
from course_utils.datasets.tasks import Vocabulary
from course_utils.shapes import check_whole

__all__ = ["FIRST_DAY", "LAST_DAY", "LONGEST_DATE", "WrittenDate", "date_languages", "date_vocabulary",
           "iso_vocabulary", "sample_dates", "write_date"]

FIRST_DAY, LAST_DAY = datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)
#: Characters of the longest written date, "segunda-feira, 13 de fevereiro de 2023" among others.
LONGEST_DATE = 38

# A field of a CLDR pattern, text in quotation marks, or anything else as it stands.
_FIELD = re.compile(r"E+|M+|d+|y+|'([^']*)'|.")
_PART = {"y": "year", "M": "month", "d": "day"}


@dataclass(frozen=True)
class WrittenDate:
    """A date as a language writes it.

    Attributes
    ----------
    written : str
        For example ``"3. märz 2021"``.
    iso : str
        ``"2021-03-03"``.
    language : str
        Code of the language, for example ``"de"``.
    spans : dict of str to tuple (int, int)
        Where ``"year"``, ``"month"`` and ``"day"`` stand in `written`: the first character, and the one after
        the last, as a slice has them.
    """

    written: str
    iso: str
    language: str
    spans: dict


def date_languages():
    """Return the languages.

    Returns
    -------
    dict of str to str
        Code to English name.

    Examples
    --------
    >>> date_languages()["hu"]
    'Hungarian'
    """
    return {code: entry["name"] for code, entry in _languages().items()}


def write_date(day, language="en", pattern=0):
    """Write a date as a language does.

    Parameters
    ----------
    day : datetime.date
        The day, its year from 1000 to 9999.
    language : str, default "en"
        One of ``date_languages()``.
    pattern : int, default 0
        Which of the language's eight patterns; 0 is the longest.

    Returns
    -------
    WrittenDate
        The text, the ISO date and where the parts stand.

    Raises
    ------
    ValueError
        If `day` is no date, or there is no such language or pattern.

    Examples
    --------
    >>> date = write_date(datetime.date(2021, 3, 3), "de", 1)
    >>> date.written, date.iso
    ('3. märz 2021', '2021-03-03')
    >>> date.spans
    {'day': (0, 1), 'month': (3, 7), 'year': (8, 12)}
    """
    if not isinstance(day, datetime.date) or day.year < 1000:
        raise ValueError(f"day should be a datetime.date from the year 1000, got {day!r}")
    if not isinstance(language, str) or language not in _languages():
        raise ValueError(f"language should be one of {', '.join(_languages())}; got {language!r}")
    entry = _languages()[language]
    check_whole("pattern", pattern, 0, len(entry["patterns"]) - 1)
    written, spans = "", {}
    for field in _FIELD.finditer(entry["patterns"][pattern]):
        text = _write_field(field, day, entry).lower()
        if part := _PART.get(field[0][0]):
            spans[part] = (len(written), len(written) + len(text))
        written += text
    return WrittenDate(written, day.isoformat()[:10], language, spans)


def sample_dates(n, split="train", seed=0):
    """Draw dates with language and pattern, none twice.

    About a tenth of all calendar days from 1950 to 2049 is kept for testing: such a day never comes in
    training, in any language or pattern.

    Parameters
    ----------
    n : int
        How many.
    split : {"train", "test"}, default "train"
        Which days to draw from.
    seed : int, default 0
        Same seed, same dates; the split does not depend on it.

    Returns
    -------
    list of WrittenDate
        The dates.

    Raises
    ------
    ValueError
        If `split` is neither, or `n` is below 1 or more than there are.

    Examples
    --------
    >>> [(date.written, date.iso) for date in sample_dates(2, "test")]
    [('sáb., 12 de agosto de 2034', '2034-08-12'), ('feb 21, 2013', '2013-02-21')]
    """
    if split not in ("train", "test"):
        raise ValueError(f"split should be 'train' or 'test', got {split!r}")
    days = _days()[split]
    styles = [(code, i) for code, entry in _languages().items() for i in range(len(entry["patterns"]))]
    check_whole("n", n, 1, len(days) * len(styles))
    drawn = np.random.default_rng(seed).choice(len(days) * len(styles), size=n, replace=False)
    return [write_date(days[i // len(styles)], *styles[i % len(styles)]) for i in drawn.tolist()]


@cache
def date_vocabulary():
    """Return the vocabulary of written dates: every character that any of them can hold.

    Returns
    -------
    Vocabulary
        Encodes ``[date.written for date in dates]``.

    Examples
    --------
    >>> len(date_vocabulary())
    60
    """
    characters = set("0123456789")
    for entry in _languages().values():
        for names in ("months", "months_short", "weekdays", "weekdays_short"):
            characters.update("".join(entry[names]).lower())
        for pattern in entry["patterns"]:
            characters.update(*(field[1] or field[0] for field in _FIELD.finditer(pattern)
                                if field[0][0] not in "EMdy"))
    return Vocabulary("".join(sorted(characters)))


@cache
def iso_vocabulary():
    """Return the vocabulary of ISO dates: the digits and the hyphen.

    Returns
    -------
    Vocabulary
        Encodes ``[date.iso for date in dates]``, ten characters each.

    Examples
    --------
    >>> iso_vocabulary().encode(["2021-03-03"])
    array([[6, 4, 6, 5, 3, 4, 7, 3, 4, 7]])
    """
    return Vocabulary("-0123456789")


@cache
def _languages():
    return json.loads(read_data("dates_cldr.json"))["languages"]


@cache
def _days():
    # A hash decides, not a random generator: a stored model must find the same days unseen under any NumPy.
    days = {"train": [], "test": []}
    for i in range((LAST_DAY - FIRST_DAY).days + 1):
        day = FIRST_DAY + datetime.timedelta(days=i)
        digest = hashlib.sha256(day.isoformat().encode()).digest()
        days["test" if digest[0] < 26 else "train"].append(day)  # 26 of 256: a tenth
    return days


def _write_field(field, day, entry):
    letters = field[0]
    match letters[0]:
        case "E":
            return entry["weekdays" if len(letters) == 4 else "weekdays_short"][day.weekday()]
        case "M" if len(letters) >= 3:
            return entry["months" if len(letters) == 4 else "months_short"][day.month - 1]
        case "M":
            return f"{day.month:0{len(letters)}}"
        case "d":
            return f"{day.day:0{len(letters)}}"
        case "y":
            return str(day.year)
        case "'":
            return field[1]
    return letters

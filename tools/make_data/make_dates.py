"""Make data/dates_cldr.json: how ten languages write dates, from the Unicode CLDR through Babel.

Needs ``pip install babel==2.18.0`` (JupyterLab brings Babel along)::

    python tools/make_data/make_dates.py
"""

from __future__ import annotations

import json
from itertools import zip_longest
from pathlib import Path

from babel import Locale
from babel.core import get_cldr_version
from files import run

# Our name of a language -> the CLDR locales its patterns come from. English takes the words of both sides
# of the Atlantic, but numbers alone as Britain writes them: 3/4/2021 would be two different days.
LANGUAGES = {
    "en": ("en_US", "en_GB"),
    "de": ("de",),
    "es": ("es",),
    "fr": ("fr",),
    "hu": ("hu",),
    "it": ("it",),
    "nl": ("nl",),
    "pl": ("pl",),
    "pt": ("pt",),
    "sv": ("sv",),
}
PATTERNS = 8


def patterns(locale: Locale) -> list[str]:
    """List the patterns with a day, a month and a full year of one locale, longest style first."""
    full = locale.date_formats["full"].pattern
    listed = [locale.date_formats[style].pattern for style in ("full", "long", "medium", "short")]
    listed += [locale.datetime_skeletons[name].pattern for name in ("yMMMEd", "yMd", "yMEd", "yMMMd")]
    # two more of our own: the full pattern with a short weekday, and with a short month
    listed += [full.replace("EEEE", "E"), full.replace("MMMM", "MMM")]
    return [pattern for pattern in listed if "yy" not in pattern]


def numeric_month_first(pattern: str) -> bool:
    return "MMM" not in pattern and pattern.find("M") < pattern.find("d") < pattern.find("y")


def make_dates(folder: Path) -> None:
    """Write dates_cldr.json: for each language the names of months and weekdays, and eight patterns."""
    languages = {}
    for language, codes in LANGUAGES.items():
        locales = [Locale.parse(code) for code in codes]
        names = locales[0]
        # Two locales take turns, so that the first eight patterns hold some of each.
        turns = zip_longest(*(patterns(locale) for locale in locales))
        candidates = [p for turn in turns for p in turn if p and not numeric_month_first(p)]
        months, days = names.months["format"], names.days["format"]
        languages[language] = {
            "name": names.english_name.split(" (")[0],
            # Babel counts weekdays from Monday = 0, as datetime does.
            "months": [months["wide"][i] for i in range(1, 13)],
            "months_short": [months["abbreviated"][i] for i in range(1, 13)],
            "weekdays": [days["wide"][i] for i in range(7)],
            "weekdays_short": [days["abbreviated"][i] for i in range(7)],
            "patterns": list(dict.fromkeys(candidates))[:PATTERNS],
        }
        if len(languages[language]["patterns"]) != PATTERNS:
            raise SystemExit(f"{language} has only {languages[language]['patterns']}")
    about = {"source": "Unicode CLDR, read through Babel", "cldr_version": str(get_cldr_version()),
             "license": "Unicode-3.0, see licenses/Unicode-3.0.txt", "languages": languages}
    path = folder / "dates_cldr.json"
    # One line a language keeps the file small and its changes readable.
    body = ",\n".join(f'  "{code}": {json.dumps(entry, ensure_ascii=False)}'
                      for code, entry in languages.items())
    head = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in about.items() if key != "languages")
    path.write_bytes(f'{{\n{head},\n"languages": {{\n{body}\n}}\n}}\n'.encode())
    print(f"{path.name}: {path.stat().st_size:,} bytes, CLDR {about['cldr_version']}")


if __name__ == "__main__":
    run(make_dates)

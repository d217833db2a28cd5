"""Written dates mean one day each, test days stay unseen, and tasks come from their seed alone."""

import datetime
import hashlib
import json
import re

import numpy as np
import pytest

from course_utils.datasets import dates, tasks
from course_utils.datasets.files import read_data


def every_written_date(years):
    day = datetime.date(years[0], 1, 1)
    while day.year <= years[1]:
        for language in dates.date_languages():
            for pattern in range(8):
                yield dates.write_date(day, language, pattern)
        day += datetime.timedelta(days=1)


def test_every_written_date_has_one_meaning_and_its_parts_are_marked():
    meaning, characters = {}, set(dates.date_vocabulary().characters)
    for date in every_written_date((2023, 2024)):
        assert meaning.setdefault(date.written, date.iso) == date.iso
        assert set(date.written) <= characters
        year, month, day = date.iso.split("-")
        part = {name: date.written[a:b] for name, (a, b) in date.spans.items()}
        assert (part["year"], int(part["day"])) == (year, int(day))
        assert part["month"] in {month, month.lstrip("0")} or not part["month"].isdigit()
    assert len(meaning) > 40_000
    assert max(map(len, meaning)) == dates.LONGEST_DATE


def test_dates_agree_with_babel():
    babel = pytest.importorskip("babel.dates")
    entry = json.loads(read_data("dates_cldr.json"))
    from babel.core import get_cldr_version
    if str(get_cldr_version()) != entry["cldr_version"]:
        pytest.skip(f"Babel carries CLDR {get_cldr_version()}, the file was made from {entry['cldr_version']}")
    for month in range(1, 13):
        for day in (1, 9, 13, 28):
            date = datetime.date(2031, month, day)
            for language, about in entry["languages"].items():
                for i, pattern in enumerate(about["patterns"]):
                    wanted = babel.format_date(date, pattern, locale=language).lower()
                    assert dates.write_date(date, language, i).written == wanted


def test_ten_languages_with_eight_patterns():
    entry = json.loads(read_data("dates_cldr.json"))
    assert len(dates.date_languages()) == 10
    for about in entry["languages"].values():
        assert len(set(about["patterns"])) == 8
        assert [len(about[key]) for key in ("months", "months_short", "weekdays", "weekdays_short")] == [12, 12, 7, 7]


def test_test_days_never_come_in_training():
    train, test = dates.sample_dates(20_000, "train", seed=1), dates.sample_dates(3_000, "test", seed=2)
    assert not {date.iso for date in train} & {date.iso for date in test}
    everything = dates._days()
    assert len(everything["train"]) + len(everything["test"]) == 36_525
    assert len(everything["test"]) / 36_525 == pytest.approx(0.1, abs=0.01)
    # models stored in data/ rely on these very days being unseen
    listed = " ".join(day.isoformat() for day in everything["test"])
    assert hashlib.sha256(listed.encode()).hexdigest()[:16] == "9fa31c936bf67e83"
    assert {date.language for date in train} == set(dates.date_languages())


def test_dates_come_from_the_seed_alone():
    assert dates.sample_dates(50, seed=7) == dates.sample_dates(50, seed=7)
    assert dates.sample_dates(50, seed=7) != dates.sample_dates(50, seed=8)
    everything = len(dates._days()["test"]) * 80
    assert len(dates.sample_dates(1000, "test")) == 1000
    with pytest.raises(ValueError, match=f"from 1 to {everything}, got"):
        dates.sample_dates(everything + 1, "test")


@pytest.mark.parametrize(("call", "message"), [
    (lambda: dates.sample_dates(0), "n should be a whole number from 1 to "),
    (lambda: dates.sample_dates(10**9, "test"), "n should be a whole number from 1 to "),
    (lambda: dates.sample_dates(5, "valid"), "split should be 'train' or 'test', got 'valid'"),
    (lambda: dates.write_date("2021-03-03"), "day should be a datetime.date from the year 1000, got '2021-03-03'"),
    (lambda: dates.write_date(datetime.date(999, 1, 1)), "day should be a datetime.date from the year 1000"),
    (lambda: dates.write_date(dates.FIRST_DAY, "xx"), "language should be one of en, de, es, fr"),
    (lambda: dates.write_date(dates.FIRST_DAY, ["en"]), "language should be one of en, de, es, fr"),
    (lambda: dates.write_date(dates.FIRST_DAY, "en", 8), "pattern should be a whole number from 0 to 7, got 8"),
])
def test_dates_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


# text as integers, made tasks


def test_dates_become_integers_and_text_again():
    sample = dates.sample_dates(200, seed=3)
    written, iso = [date.written for date in sample], [date.iso for date in sample]
    ids = dates.date_vocabulary().encode(written, length=40)
    assert (ids.shape, ids.dtype) == ((200, 40), np.int64)
    assert dates.date_vocabulary().decode(ids) == written
    targets = dates.iso_vocabulary().encode(iso, start=True, end=True)
    assert targets.shape == (200, 12)
    assert set(targets[:, 0]) == {tasks.Vocabulary.START}
    assert set(targets[:, -1]) == {tasks.Vocabulary.END}
    assert dates.iso_vocabulary().decode(targets) == iso


def test_decoding_stops_at_the_end_mark():
    letters = tasks.Vocabulary("ab")
    assert letters.decode(np.array([[1, 3, 4, 2, 3, 3], [0, 0, 3, 0, 4, 0]])) == ["ab", "ab"]
    assert letters.decode(np.zeros((0, 5), dtype=int)) == []
    assert letters.encode([]).shape == (0, 0)
    assert letters.encode(["", "a"]).tolist() == [[0], [3]]
    assert len(letters) == 5


@pytest.mark.parametrize(("call", "message"), [
    (lambda v: v.encode("ab"), "texts should be a list of texts, got one text; write ['ab']"),
    (lambda v: v.encode(["aB"]), "texts should hold only the characters a b; got 'B' in 'aB'"),
    (lambda v: type(v)("a' b").encode(["c"]), "the characters a ' b and the space; got 'c' in 'c'"),
    (lambda v: v.encode(["ab"], length=2, end=True), "length should be at least 3 for these texts, got 2"),
    (lambda v: v.encode(["ab"], length=2.5), "length should be a whole number from 0, got 2.5"),
    (lambda v: v.encode([3]), "texts should be a list of texts, got 3"),
    (lambda v: v.encode(None), "texts should be a list of texts, got None"),
    (lambda v: v.decode([3, 4]), "ids should have shape (N, T), got (2,)"),
    (lambda v: v.decode([[3, 5]]), "ids should be whole numbers from 0 to 4"),
    (lambda v: v.decode([[3.0]]), "ids should be whole numbers from 0 to 4, got float64"),
    (lambda v: tasks.Vocabulary("aa"), "characters should be text without a character twice, got 'aa'"),
    (lambda v: tasks.Vocabulary(""), "characters should be text without a character twice, got ''"),
    (lambda v: tasks.Vocabulary(None), "characters should be text without a character twice, got None"),
])
def test_vocabulary_names_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call(tasks.Vocabulary("ab"))


def test_reversal_pairs():
    pairs = tasks.reversal_pairs(3000, 2, 24, seed=5)
    assert all(b == a[::-1] and set(a) <= set("abcdefghijklmnopqrstuvwxyz") for a, b in pairs)
    assert {len(a) for a, _ in pairs} == set(range(2, 25))
    assert tasks.reversal_pairs(9, seed=1) == tasks.reversal_pairs(9, seed=1) != tasks.reversal_pairs(9, seed=2)
    assert {len(a) for a, _ in tasks.reversal_pairs(20, 6, 6)} == {6}


def test_two_key_recall():
    rows = tasks.two_key_recall(2000, seed=4)
    assert rows.keys.shape == rows.values.shape == (2000, 12)
    assert rows.query.shape == rows.answer.shape == (2000, 2)
    assert all(x.dtype == np.int64 for x in (rows.keys, rows.values, rows.query, rows.answer))
    for keys, values, query, answer in zip(rows.keys, rows.values, rows.query, rows.answer):
        assert len(set(keys.tolist())) == 12
        assert query[0] != query[1]
        table = dict(zip(keys.tolist(), values.tolist()))
        assert [table[k] for k in query.tolist()] == answer.tolist()
    assert set(rows.keys.ravel()) == set(range(24))
    assert set(rows.values.ravel()) == set(range(16))
    # every place is asked for, first and second alike
    places = [(rows.keys == rows.query[:, [i]]).argmax(1) for i in (0, 1)]
    assert all(np.bincount(place, minlength=12).min() > 100 for place in places)
    again = tasks.two_key_recall(2000, seed=4)
    np.testing.assert_array_equal(again.query, rows.query)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: tasks.reversal_pairs(0), "n should be a whole number from 1, got 0"),
    (lambda: tasks.reversal_pairs(5, 3, 2), "shortest should be a whole number from 1 to 2, got 3"),
    (lambda: tasks.reversal_pairs(5, 0, 2), "shortest should be a whole number from 1 to 2, got 0"),
    (lambda: tasks.two_key_recall(5, items=1), "items should be a whole number from 2 to 24, got 1"),
    (lambda: tasks.two_key_recall(5, items=30), "items should be a whole number from 2 to 24, got 30"),
    (lambda: tasks.two_key_recall(5, n_values=0), "n_values should be a whole number from 1, got 0"),
    (lambda: tasks.two_key_recall(5.0), "n should be a whole number from 1, got 5.0"),
])
def test_tasks_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()

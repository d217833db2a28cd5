"""When something was handed in and when it was due: moments that a platform or a teacher wrote, always with a zone."""

import datetime
import math
import re
import zoneinfo

from course_utils.classroom.grading.notebooks import Unreadable, read_bytes

__all__ = ["late_days", "moment", "timestamp", "zone_called"]

_WRITTEN = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?\s*(.*)")


def zone_called(name):
    """Give a time zone by its name ("Europe/Berlin", "UTC") or its difference ("+01:00").

    Raises
    ------
    ValueError
        If there is no such zone.
    """
    offset = re.fullmatch(r"(?:UTC|GMT)?\s*([+-])(\d{2}):?(\d{2})", name)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return datetime.timezone(datetime.timedelta(minutes=minutes if offset[1] == "+" else -minutes))
    if name in ("Z", "UTC", "GMT"):
        return datetime.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'a time zone such as "Europe/Berlin", "UTC" or "+01:00" is wanted, got {name!r}') from None


def moment(text, zone="UTC"):
    """Read a moment as people and platforms write it.

    Parameters
    ----------
    text : str
        "2026-03-01 23:59", perhaps with seconds and a zone after it; a date alone means the end of that day.
    zone : str
        The zone where `text` names none.

    Returns
    -------
    float
        Seconds since 1970.

    Raises
    ------
    ValueError
        If it is no such moment.

    Examples
    --------
    >>> moment("2026-03-01 23:59 +01:00") == moment("2026-03-01 22:59")
    True
    """
    match = _WRITTEN.fullmatch(text.strip())
    if not match:
        raise ValueError(f'a time such as "2026-03-01 23:59" is wanted, got {text!r}')
    day, clock, seconds, named = match.groups()
    try:
        when = datetime.datetime.fromisoformat(f"{day} {clock or '23:59'}:{seconds or ('00' if clock else '59')}")
    except ValueError:
        raise ValueError(f'a time such as "2026-03-01 23:59" is wanted, got {text!r}') from None
    return when.replace(tzinfo=zone_called(named or zone)).timestamp()


def timestamp(file):
    """Give the moment in nbgrader's timestamp.txt, or None where it cannot be read."""
    try:
        data = file.source.read() if hasattr(file.source, "archive") else read_bytes(file.source)
        return moment(data[:200].decode("utf-8"))
    except (Unreadable, OSError, ValueError):
        return None


def late_days(when, due, marked=False):
    """Count the days that something came late, each one that has begun.

    Parameters
    ----------
    when, due : float or None
        Seconds since 1970.
    marked : bool
        Whether the platform says itself that it was late.

    Returns
    -------
    int

    Examples
    --------
    >>> late_days(86401.0, 0.0), late_days(None, 0.0, marked=True), late_days(None, 0.0)
    (2, 1, 0)
    """
    days = 0 if when is None or due is None else max(math.ceil((when - due) / 86400), 0)
    return max(days, int(marked))

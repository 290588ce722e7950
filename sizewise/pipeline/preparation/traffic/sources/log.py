"""A log, in whose lines a pattern finds width and height."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sizewise.core.errors import InputError, SizewiseError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import Reporter
from sizewise.core.specs import Size
from sizewise.pipeline.preparation.traffic.sources.lines import lines_of

PATTERN = r"(?P<width>\d{2,5})[xX×](?P<height>\d{2,5})"
"""As in GET /1920x1080.jpg."""
_GROUPS = ("width", "height")


def sizes_in(path: Path, pattern: str, reporter: Reporter) -> Iterator[Size]:
    """The first match of each line; lines without one do not count, and their number is said.

    Raises UsageError for a pattern that is none, and InputError where no line matches.
    """
    compiled, without, count = _compiled(pattern), 0, 0
    for line in lines_of(path):
        count += 1
        size = _found(compiled, line)
        if size is None:
            without += 1
        else:
            yield size
    if count and without == count:
        raise InputError(
            f"There is no size in {path}",
            f"none of its {count:,} lines matches {pattern}",
            f"Give one that does: {spelled('pattern')} 'w=(?P<width>\\d+)&h=(?P<height>\\d+)'.",
        )
    if without:
        reporter.remark(f"{without:,} of {count:,} lines have no size and do not count.")


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern, re.ASCII)
    except re.error as error:
        raise _wrong(pattern, str(error)) from error
    if missing := [name for name in _GROUPS if name not in compiled.groupindex]:
        raise _wrong(pattern, f"it has no group named {' and '.join(missing)}")
    return compiled


def _wrong(pattern: str, why: str) -> UsageError:
    return UsageError(
        f"{spelled('pattern')} {pattern} can't be used",
        why,
        f"Give a regular expression with the groups width and height, such as {PATTERN}.",
    )


def _found(pattern: re.Pattern[str], line: str) -> Size | None:
    match = pattern.search(line)
    if match is None:
        return None
    try:
        return Size.parse(f"{match['height']}x{match['width']}")
    except SizewiseError:  # 0 pixels, or more than a picture has
        return None

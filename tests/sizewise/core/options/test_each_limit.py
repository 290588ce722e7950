"""Every limit is on the page, refuses what is beyond it, and is raised by what its error names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engines.comparing import failed
from sizewise.core.children.failures import too_large, too_late
from sizewise.core.errors import SizewiseError
from sizewise.core.onnxfiles import limits as onnx_limits
from sizewise.core.options import limits
from sizewise.core.options.declared import spelling
from sizewise.core.options.limits import Limit
from sizewise.core.rooms import ROOMS
from tests.sizewise.core.options.limited import USES

HOUSE = Path(__file__).resolve().parents[4]
PAGE = (HOUSE / "docs" / "limits.md").read_text(encoding="utf-8")
HOMES = (limits, onnx_limits)
LIMITS = [one for home in HOMES for one in vars(home).values() if isinstance(one, Limit)]
USUAL = {limit.variable: limit.usual for limit in LIMITS}
BY_VARIABLE = {limit.variable: use for limit, use in USES.items()}
_SAID = re.compile(r"([\d,]+) [\w ]+ are more than the limit of [\d,]+")


def test_the_page_lists_all_limits() -> None:
    rows = re.findall(r"^\| `(SIZEWISE_\w+)` \| ([\d,]+) \|", PAGE, re.MULTILINE)
    assert rows == [(limit.variable, f"{limit.usual:,}") for limit in LIMITS]
    assert len({limit.variable for limit in LIMITS}) == len(LIMITS)


def test_there_are_no_limits_elsewhere() -> None:
    homes = {Path(str(home.__file__)) for home in HOMES}
    for room in ("sizewise", *ROOMS):
        for path in (HOUSE / room).rglob("*.py"):
            assert path in homes or not re.search(r"\bLimit\(", path.read_text("utf-8")), path


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.variable)
def test_what_the_error_names_lets_it_through(
    limit: Limit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a limit of 1 on, the variable is set to what each error says there is."""
    object.__setattr__(limit, "usual", 1)  # the very one that everybody has imported
    try:
        raised: list[int] = []
        while (count := _excess(limit, tmp_path)) is not None:
            assert count > max(raised, default=1)
            raised.append(count)
            monkeypatch.setenv(limit.variable, str(count))
        assert raised, "nothing was refused"
    finally:
        object.__setattr__(limit, "usual", USUAL[limit.variable])


def _excess(limit: Limit, folder: Path) -> int | None:
    """How many the error says there are; None where all is taken."""
    try:
        BY_VARIABLE[limit.variable](folder)
    except (SizewiseError, ValueError) as error:
        said = str(error)
    else:
        return None
    assert f"Set the variable {limit.variable} to a higher number" in said
    found = _SAID.search(said)
    assert found, said
    return int(found[1].replace(",", ""))


def test_no_limit_is_forgotten() -> None:
    assert set(BY_VARIABLE) == set(USUAL)


def test_the_limits_of_processes_are_options_that_their_errors_name() -> None:
    late = too_late("it", 1, 1, "")
    with spelling(lambda name: f"--{name.replace('_', '-')}"):
        todos = [error.todo for error in (too_large("it", 2**20, ""), too_late("it", 1, 1, ""))]
        todos.append(failed(late).todo)
    rows = re.findall(r"^\| `(--[\w-]+)` \|", PAGE, re.MULTILINE)
    assert len(rows) == len(todos)
    for option, todo in zip(rows, todos, strict=True):
        assert f"Raise the limit with {option}" in todo

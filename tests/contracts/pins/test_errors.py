"""Errors come out of a child as what they were: by the name of their class, and with its code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sizewise.core.children.child import ChildError
from sizewise.core.errors import SizewiseError, _all_types, error_from_json
from tests.contracts.pins.sources import SOURCES, held_in

ROOT = Path(__file__).resolve().parents[3]

EXIT_CODES = {
    "SizewiseError": 1,
    "UsageError": 2,
    "OptionError": 2,
    "InputError": 1,
    "OutputError": 1,
    "TrainingError": 1,
    "ExportError": 1,
    "UnsupportedOperatorError": 1,
    "ParityError": 1,
    "NothingNarrowedError": 1,
    "EngineError": 1,
    "BackendUnavailableError": 1,
    "BuildError": 1,
    "EngineMismatchError": 1,
    "InferenceError": 1,
    "ChildError": 1,
    "RecordError": 1,
    "DamagedRecordError": 1,
    "SchemaVersionError": 1,
    "EnvironmentMismatchError": 1,
    "InstallConflictError": 1,
}

RAISED_IN_THE_EXPORTER = {"NothingNarrowedError"}
"""No child runs the exporter, so a parent that never imported it misses nothing."""


def test_the_tree_of_errors_is_this_one() -> None:
    """By the sources: every class that descends from SizewiseError, imported or not."""
    parents: dict[str, list[str]] = {}
    for room in SOURCES:
        parents |= held_in(room).parents
    found = {"SizewiseError"}
    while more := {n for n, bases in parents.items() if found & set(bases)} - found:
        found |= more
    assert found == set(EXIT_CODES)


@pytest.mark.parametrize("name", EXIT_CODES)
def test_an_error_comes_back_as_its_type_with_its_code(name: str) -> None:
    import exporter.graph.passes  # noqa: F401 - its error is one of these

    kind = _all_types(SizewiseError)[name]
    error = kind("What", "why", "To do.", reason_code="numerics")
    plain = error.to_json()
    assert plain == {
        "type": name,
        "what": "What",
        "why": "why",
        "todo": "To do.",
        "reason_code": "numerics",
    }
    back = error_from_json(plain)
    assert type(back) is kind
    assert (str(back), back.reason_code) == ("What: why. To do.", "numerics")
    assert back.exit_code == EXIT_CODES[name]


def test_a_parent_that_starts_children_knows_all_that_they_raise() -> None:
    """What the sweep imports, and no more, in a process of its own."""
    script = (
        "import bench.sweep\n"
        "from sizewise.core.errors import SizewiseError, _all_types\n"
        "print(' '.join(_all_types(SizewiseError)))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert set(said.stdout.split()) == set(EXIT_CODES) - RAISED_IN_THE_EXPORTER


def test_an_unknown_error_becomes_the_root() -> None:
    plain = {"type": "Foreign", "what": "w", "why": "y", "todo": "t", "reason_code": "error"}
    assert type(error_from_json(plain)) is SizewiseError


def test_an_error_of_a_child_carries_a_trace() -> None:
    assert ChildError("w", "y", "t").trace == ""

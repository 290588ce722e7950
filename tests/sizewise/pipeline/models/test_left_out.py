"""The table of what a training left out: read as it was written, or refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netzoo.data.faults import Fault
from sizewise.core.errors import InputError
from sizewise.core.progress import SILENT
from sizewise.pipeline.models.left_out import list_left_out, read_left_out, skipped_of

FAULTS = [
    Fault(kind="picture", what='a, "b".png', why="it is\nbroken"),
    Fault(kind="label", what="labels/2.txt", why="no numbers"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a checkpoint."""
    found = tmp_path / "net.safetensors"
    list_left_out(found, FAULTS, None, SILENT)
    return found


def test_what_was_written_is_read(path: Path) -> None:
    assert read_left_out(path) == skipped_of("training", FAULTS)
    list_left_out(path, [], None, SILENT)
    assert read_left_out(path) == ()


def test_a_table_that_was_cut_anywhere_is_refused(path: Path) -> None:
    """Only one that ends with a row looks whole."""
    table = path.with_suffix(".skipped.csv")
    whole = table.read_bytes()
    ends = {end.end() for end in re.finditer(rb"(why|broken\"|numbers)\r?\n", whole)}
    for length in range(len(whole)):
        table.write_bytes(whole[:length])
        if length not in ends:
            with pytest.raises(InputError, match="what was left out of the training can't be said"):
                read_left_out(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"step,loss\r\n1,2\r\n",
        b"part,kind,what,why\r\ntraining,picture,a.png\r\n",
        b"part,kind,what,why\r\nelsewhere,picture,a.png,broken\r\n",
    ],
)
def test_other_tables_are_refused(path: Path, content: bytes) -> None:
    table = path.with_suffix(".skipped.csv")
    table.write_bytes(content)
    with pytest.raises(InputError, match=f"{re.escape(str(table))} can't be read"):
        read_left_out(path)


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    table = path.with_suffix(".skipped.csv")
    table.unlink()
    table.mkdir()
    with pytest.raises(InputError, match="can't be read"):
        read_left_out(path)

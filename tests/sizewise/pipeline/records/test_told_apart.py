from __future__ import annotations

from pathlib import Path

import pytest

from sizewise.pipeline.records.compare import told_apart


@pytest.mark.parametrize(
    ("base", "new", "names"),
    [
        ("runs/main.sqlite", "runs/new.sqlite", ("main.sqlite", "new.sqlite")),
        ("a/b/r.sqlite", "c/b/r.sqlite", ("a/b/r.sqlite", "c/b/r.sqlite")),
        ("/x/main/r.sqlite", "/x/new/r.sqlite", ("main/r.sqlite", "new/r.sqlite")),
        ("r.sqlite", "new/r.sqlite", ("r.sqlite", "new/r.sqlite")),
        ("r.sqlite", "r.sqlite", ("r.sqlite", "r.sqlite")),
    ],
)
def test_files_of_one_name_are_told_apart_by_their_folders(
    base: str, new: str, names: tuple[str, str]
) -> None:
    assert told_apart(Path(base), Path(new)) == names

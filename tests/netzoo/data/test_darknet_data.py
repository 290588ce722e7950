from __future__ import annotations

import re
from pathlib import Path

import pytest

from netzoo.data.class_names import read_names
from sizewise.core.errors import InputError

DATA = """
# of the training
classes= 2
train  = data/train.txt
names = data/own.names
backup = backup/
"""


def write(folder: Path, text: str = DATA, names: str = "bolt\nnut\n") -> Path:
    """As Darknet's folder is laid out: ``cfg/own.data`` and ``data/own.names``."""
    for name, content in (("cfg/own.data", text), ("data/own.names", names)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    return folder / "cfg" / "own.data"


def test_a_data_file_says_where_the_names_are(tmp_path: Path) -> None:
    assert read_names(write(tmp_path)) == ("bolt", "nut")


def test_the_current_folder_comes_first_as_in_darknet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    (tmp_path / "cfg" / "data").mkdir()
    (tmp_path / "cfg" / "data" / "own.names").write_text("hook\neye\n")
    assert read_names(path) == ("hook", "eye")
    monkeypatch.chdir(tmp_path)
    assert read_names(path) == ("bolt", "nut")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("classes=2\n", "no line names=FILE"),
        ("# names = data/own.names\n", "no line names=FILE"),
        ("names=else.names\n", "else.names, which .* was not found"),
        (f"names={'a' * 300}\n", "can't be read"),
        ("names=data/own.names\nclasses=3\n", r"says classes=3, and .*own\.names has 2"),
        ("names=data/own.names\nclasses=two\n", "says classes=two"),
    ],
)
def test_what_says_no_names_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=said) as caught:
        read_names(path)
    assert re.search(re.escape("own.data"), str(caught.value))


def test_a_file_that_names_itself_is_no_endless_search(tmp_path: Path) -> None:
    """Its lines are names then, as those of any text."""
    assert read_names(write(tmp_path, "names=own.data\n")) == ("names=own.data",)

"""Configuration files from elsewhere: read, or refused with a sentence, and never for long."""

from __future__ import annotations

import codecs
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizewise.core.errors import InputError
from sizewise.pipeline.toml import read_toml
from tests.sizewise.pipeline.broken import BENCH, LINE, campaign, outcome

HOUSE = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "it.toml"


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 5000 + "]" * 5000,
        "a = " + "{b = " * 5000 + "1" + "}" * 5000,
        "a = " + "[\n" * 5000,
        ".".join("a" * 100_000) + " = 1",
        "[" + ".".join("a" * 100_000) + "]",
        "a = {" + " . ".join("b" * 1000) + " = 1}",
        '"x".' * 1000 + "y = 1",
    ],
    ids=["arrays", "tables", "lines", "key", "header", "inner", "quoted"],
)
def test_nesting_is_counted_before_it_is_parsed(
    text: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sizewise.pipeline.toml.tomllib.loads", pytest.fail)
    path.write_text(text)
    with pytest.raises(InputError, match="Set the variable SIZEWISE_MAX_TOML_NESTING"):
        read_toml(path)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "9" * 5000,
        'a = """' + '\n\\"""' * 200_000,
        "a = '''" + "'" * 200_001,
        'a = "' + '\\"' * 200_000,
        '"' * 500_001,
        "'" * 500_001,
        "\\" * 500_001,
        "a" * 1_000_000,
        "a = 1.",
        "\xff",
    ],
    ids=map(str, range(10)),
)
def test_what_is_no_toml_is_said_at_once(text: str, path: Path) -> None:
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"it\.toml can't be read"):
        read_toml(path)


def test_a_byte_order_mark_is_no_part_of_the_first_key(path: Path) -> None:
    path.write_bytes(codecs.BOM_UTF8 + b"a = 1\n")
    assert read_toml(path) == {"a": 1}


def test_a_large_file_is_refused(path: Path) -> None:
    path.write_text("#" * 2**20 + "\n")
    with pytest.raises(InputError, match="Set the variable SIZEWISE_MAX_TOML_BYTES"):
        read_toml(path)


def test_texts_and_comments_may_hold_anything(path: Path) -> None:
    much = "[{" * 500 + "a." * 500
    path.write_text(
        f'a = "{much}"\nb = \'{much}\'\nc = """{much}\n\\"{much}"""\n'
        f"d = '''{much}'{much}'''\n# {much}\n\"{much}\" = 1\n"
    )
    assert list(read_toml(path)) == ["a", "b", "c", "d", much]


@pytest.mark.parametrize(
    "example", sorted((HOUSE / "examples").rglob("*.toml")), ids=lambda p: p.stem
)
def test_ours_are_read_as_they_are(example: Path) -> None:
    assert read_toml(example) == tomllib.loads(example.read_text(encoding="utf-8"))


@settings(max_examples=200)
@given(text=st.text("ab=.[]{}\"'#\\\n 1,", max_size=60))
def test_it_is_read_as_python_reads_it(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, newline="")
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(InputError):
            read_toml(path)
    else:
        assert read_toml(path) == expected


def test_mutated_configurations_end_in_a_sentence_or_are_read_as_they_are(tmp_path: Path) -> None:
    found = campaign(20, 0, tmp_path)
    assert found.violations == []
    assert found.kinds == {"read", "refused"}


def test_what_is_mutated_can_be_read(path: Path) -> None:
    for text in (LINE, BENCH):
        path.write_text(text)
        assert outcome(path, line=text is LINE) == "read: as tomllib reads it"

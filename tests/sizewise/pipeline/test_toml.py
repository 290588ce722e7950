"""Configuration files from elsewhere: read, or refused with a sentence, and never for long."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.planning.specs import engine_specs
from sizewise.core.errors import InputError, SizewiseError
from sizewise.pipeline.config import read_bench_file, read_line
from sizewise.pipeline.toml import read_toml

HOUSE = Path(__file__).resolve().parents[3]
BENCH = """
models = ["a.onnx", "b.onnx"]
layout = "b_n_5c"
[bench]
backends = ["fake"]
strategies = ["static", "dynamic"]
sizes = "64:256:64,320x640"
batch = "1,1:4:8"
replicas = 2
rounds = 3
block_s = 0.5
seed = 7
# a comment with [brackets] and "a text
[[bench.sweep]]
threads = 2
options = ["base_ns=5"]
[[bench.sweep]]
sizes = [64, "96"]
"""
LINE = """
out = 'runs/x'
data = 'digits'
[train]
network = "yolov3-tiny"
steps = 10
sizes = "64:96:32"
[export]
precision = ["fp16", "int8"]
max_drop = 1.5
[bench]
backends = ["fake"]
"""


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
    "example", sorted((HOUSE / "examples").glob("*.toml")), ids=lambda p: p.stem
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


VALUES = (
    *("true", "-1", "0", "1e400", "nan", "9" * 30, "9" * 5000, "0x" + "f" * 500, "1979-05-27"),
    *("''", "'\\u0000'", '"\\u0000"', '"\\u001b[2J"', "[]", "{}", "[[]]", "[{}]", "{a = 1}"),
    *("'../../x'", "'1:1000000:1'", "'64x'", "'9999999999'", "['fake', 'fake']", "[1, 'a', []]"),
    *("[" + "1, " * 20_000 + "]", "'" + "64," * 20_000 + "'", "[" * 40 + "]" * 40),
)


def mutated(text: str, chance: random.Random) -> bytes:
    """Values replaced, lines taken out, doubled or moved, keys changed, some bytes changed."""
    lines = text.splitlines()
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(lines))
        key, _, _ = lines[at].partition("=")
        match chance.randrange(6):
            case 0 | 1 | 2:
                lines[at] = f"{key or 'a'} = {chance.choice(VALUES)}"
            case 3:
                del lines[at]
            case 4:
                lines.insert(chance.randrange(len(lines)), lines[at])
            case _:
                lines[at] = (
                    chance.choice(("x.y.z", "[bench]", "[[bench]]", "[a.b]", "\x1b")) + lines[at]
                )
        lines = lines or [""]
    content = bytearray("\n".join(lines).encode())
    if chance.random() < 0.3 and content:
        for _ in range(chance.randint(1, 3)):
            content[chance.randrange(len(content))] = chance.randrange(256)
    return bytes(content)


def is_read(path: Path, *, line: bool) -> bool:
    """Whether it can be read and planned; where it can't, a typed error says so."""
    try:
        settings = read_line(path).bench if line else read_bench_file(path).bench
        engine_specs(settings.products())
        assert settings.accuracy
        assert settings.protocol
    except SizewiseError as error:
        return not (error.what and error.todo)
    return True


@pytest.mark.parametrize(
    "seeds", [range(20), pytest.param(range(20, 220), marks=pytest.mark.slow)], ids=["20", "200"]
)
def test_mutated_configurations_end_in_a_sentence(seeds: range, path: Path) -> None:
    usable = 0
    for seed in seeds:
        text = LINE if seed % 3 == 0 else BENCH
        path.write_bytes(mutated(text, random.Random(f"toml {seed}")))
        usable += is_read(path, line=text is LINE)
    assert 0 < usable < len(seeds)


def test_what_is_mutated_can_be_read(path: Path) -> None:
    for text in (LINE, BENCH):
        path.write_text(text)
        assert is_read(path, line=text is LINE)

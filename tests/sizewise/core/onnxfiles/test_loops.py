"""Loops that never end or turn too often are refused, and others are not."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.limits import RUNS
from sizewise.core.onnxfiles.loops import known
from sizewise.core.onnxfiles.model import read_model

_INNER = """Loop (count, yes, before) <body = inner (int64 j, bool there, float[1, 3, 8, 8] given)
        => (bool yet, float[1, 3, 8, 8] left) { yet = Identity (there)  left = Neg (given) }>"""
_NEVER, _OFTEN = "'sums' never ends", f"its loops: .* runs of operators.*{RUNS.variable}"


def looped(
    folder: Path,
    *,
    number: str = "count",
    begins: str = "yes",
    still: str = "Identity (on)",
    inside: str = "Neg (before)",
    count: int = 100,
    made: str = "Identity (count)",
) -> Path:
    """A file whose loop turns ``number`` times from ``begins`` on, and then as long as ``still``.
    ``many`` and ``bright`` are computed of the picture, and ``made`` as its text says."""
    text = f"""<ir_version: 10, opset_import: ["": 17]>
    looped (float[1, 3, 8, 8] images) => (float[1, 3, 8, 8] sums)
    <int64 count = {{{count}}}, bool yes = {{1}}, bool no = {{0}}, int64[1] axes = {{0}}> {{
        most = ReduceMax <keepdims = 0> (images)
        many = Cast <to = 7> (most)
        bright = Cast <to = 9> (most)
        pixels = Size (images)
        counts = Unsqueeze (count, axes)
        made = {made}
        sums = Loop (absent, absent, images) <body = step
            (int64 i, bool on, float[1, 3, 8, 8] before)
            => (bool still, float[1, 3, 8, 8] after) {{
            half = Constant <value = float {{0.5}}> ()
            dark = Less (most, half)
            still = {still}
            after = {inside}
        }}>
    }}"""
    proto = onnx.parser.parse_model(text)
    loop = proto.graph.node[-1]
    loop.input[0], loop.input[1] = number, begins
    path = folder / "looped.onnx"
    onnx.save(proto, path)
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": ""}, _NEVER),
        ({"number": "", "begins": ""}, _NEVER),
        ({"number": "", "still": "Identity (yes)"}, _NEVER),
        ({"number": "", "still": "Constant <value = bool {1}> ()"}, _NEVER),
        ({"number": "", "still": "Constant <value_int = 1> ()"}, _NEVER),
        ({"count": 2**63 - 1}, _OFTEN),
        ({"count": 2**63 - 1, "begins": ""}, _OFTEN),
        ({"count": 10**8}, _OFTEN),
        ({"count": 10**4, "inside": _INNER}, _OFTEN),
    ],
)
def test_what_turns_too_often_is_refused(
    changes: dict[str, object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        read_model(looped(tmp_path, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "made",
    [
        *("Identity (count)", "Squeeze (counts)", "Reshape (counts, axes)"),
        *("Add (count, count)", "Mul (count, count)", "Sub (count, axes)", "Max (count, axes)"),
        *("Min (count, count)", "Cast <to = 7> (count)"),
    ],
)
def test_turns_that_are_computed_of_numbers_in_the_file_are_counted(
    made: str, tmp_path: Path
) -> None:
    path = looped(tmp_path, number="made", count=10**9, made=made)
    with pytest.raises(InputError, match=_OFTEN):
        read_model(path)


@pytest.mark.parametrize("condition", ["Or (yes, no)", "Not (no)", "Less (axes, count)"])
def test_conditions_that_are_computed_of_values_in_the_file_are_known(
    condition: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=_NEVER):
        read_model(looped(tmp_path, number="", begins="made", made=condition))
    with pytest.raises(InputError, match=_NEVER):
        read_model(looped(tmp_path, number="", still=condition))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"number": "made", "count": 2**62, "made": "Add (count, count)"},  # overflows
        {"number": "made", "count": 2**40, "made": "Cast <to = 6> (count)"},
        {"number": "made", "count": 10**9, "made": "Mul (count, pixels)"},
        {"number": "made", "count": 10**9, "made": "Sub (count, count)"},
        {"number": "made", "count": 10**9, "made": "Min (count, pixels)"},
        {"count": 10**3, "inside": _INNER},
        {"number": "many"},
        {"number": "many", "count": 2**63 - 1, "inside": "Neg (before)"},
        {"number": "", "begins": "no"},
        {"count": 2**63 - 1, "begins": "no"},
        {"number": "", "begins": "bright"},
        {"number": "", "still": "Identity (dark)"},
        {"number": "", "still": "Identity (no)"},
        # As exporters write `while`: a number beyond reach, and a condition.
        {"count": 2**63 - 1, "still": "Identity (dark)"},
        {"count": -(2**63)},
    ],
)
def test_what_ends_and_what_the_file_does_not_tell_is_read(
    changes: dict[str, object], tmp_path: Path
) -> None:
    assert read_model(looped(tmp_path, **changes)).outputs  # type: ignore[arg-type]


def test_turns_of_loops_within_functions_are_counted(tmp_path: Path) -> None:
    path = looped(tmp_path, count=10**4, inside="Neg (before)")
    proto = onnx.load(path)
    loop = onnx.NodeProto()
    loop.CopyFrom(proto.graph.node[-1])
    constants = [
        onnx.helper.make_node("Constant", [], ["count"], value_int=10**4),
        onnx.helper.make_node("Constant", [], ["yes"], value=proto.graph.initializer[1]),
        onnx.helper.make_node("ReduceMax", ["images"], ["most"], keepdims=0),
    ]
    opsets = [onnx.helper.make_opsetid("", 17)]
    proto.functions.append(
        onnx.helper.make_function("ours", "f", ["images"], ["sums"], [*constants, loop], opsets)
    )
    proto.opset_import.append(onnx.helper.make_opsetid("ours", 1))
    body = proto.graph.node[-1].attribute[0].g
    body.node[-1].CopyFrom(onnx.helper.make_node("f", ["before"], ["after"], domain="ours"))
    onnx.save(proto, path)
    with pytest.raises(InputError, match=_OFTEN):
        read_model(path)


def test_a_body_without_nodes_turns_as_well(tmp_path: Path) -> None:
    path = looped(tmp_path, count=2**63 - 1)
    proto = onnx.load(path)
    body = proto.graph.node[-1].attribute[0].g
    del body.node[:]
    body.output[0].name, body.output[1].name = "on", "before"
    onnx.save(proto, path)
    with pytest.raises(InputError, match=_OFTEN):
        read_model(path)


@pytest.mark.parametrize("name", ["Cast", "Identity", "Max", "Add", "Constant"])
def test_nodes_without_their_inputs_and_attributes_tell_nothing(name: str) -> None:
    assert known([onnx.helper.make_node(name, [], ["made"])]) == {}

"""The share of subnormal numbers among weights, and engines that take them as zero."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from engines.backends.fake import FakeOptions
from engines.registry import backends, find_backend
from engines.subnormals import CpuOptions, flushed, subnormal_share
from sizewise.core.errors import InputError
from sizewise.core.specs import BackendOptions, EngineSpec, Profile, Size

floats = st.one_of(
    st.floats(width=32),
    st.floats(-(2.0**-126), 2.0**-126, width=32),
    st.sampled_from([0.0, -0.0, 1e-45, -1e-45, 1.1754942e-38, 1.1754944e-38, np.inf, np.nan]),
)


def saved(path: Path, arrays: dict[str, NDArray[Any]], constant: NDArray[Any]) -> Path:
    output = helper.make_tensor_value_info("c", helper.np_dtype_to_tensor_dtype(constant.dtype), [])
    node = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(constant))
    held = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    onnx.save(helper.make_model(helper.make_graph([node], "g", [], [output], held)), path)
    return path


@settings(max_examples=50, deadline=None)
@given(weights=st.lists(floats, max_size=30), constant=floats)
def test_the_share_is_that_of_numbers_below_the_smallest_normal_one(
    tmp_path_factory: pytest.TempPathFactory, weights: list[float], constant: float
) -> None:
    """By comparison, where the code goes by bits. Other types than float32 do not count."""
    array, single = np.array(weights, np.float32), np.array(constant, np.float32)
    others = {"half": np.array([1e-7], np.float16), "double": np.array([1e-310])}
    path = tmp_path_factory.mktemp("net") / "net.onnx"
    found = subnormal_share(saved(path, {"w": array} | others, single))
    every = np.append(array, single).astype(np.float64)
    small = (every != 0) & (np.abs(every) < float(np.finfo(np.float32).tiny))
    assert found == pytest.approx(small.mean())


@pytest.mark.parametrize("content", [None, b"no model"])
def test_a_file_that_is_gone_or_another_is_an_input_error(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(InputError, match=r"The weights of .*net\.onnx can't be read"):
        subnormal_share(tmp_path / "net.onnx")


def spec(name: str, options: BackendOptions) -> EngineSpec:
    profile = Profile.fixed(Size(64, 64))
    return EngineSpec(backend=name, strategy="static", profiles=(profile,), options=options)


@pytest.mark.parametrize("name", sorted(backends()))
def test_the_same_engine_with_them_as_zero_differs_in_that_alone(name: str) -> None:
    kind: Any = find_backend(name).options_type
    as_is = spec(name, kind(allow_fallback=True))
    other = flushed(as_is, kind)
    if not issubclass(kind, CpuOptions):
        assert other is None
        return
    assert other == spec(name, kind(allow_fallback=True, flush_subnormals=True))
    assert flushed(other, kind) is None


def test_what_else_was_chosen_stays() -> None:
    as_is = spec("fake", FakeOptions(seed=5))
    assert flushed(as_is, FakeOptions) == spec("fake", FakeOptions(seed=5, flush_subnormals=True))

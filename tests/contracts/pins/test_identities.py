"""Hashes that files of users go by: of environments, trials and engines, as literals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engines.registry import find_backend
from engines.store import cache
from engines.store.cache import engine_name
from sizewise.core.environment import Environment
from sizewise.core.specs import (
    BatchRange,
    EngineSpec,
    ExportedModel,
    ModelCard,
    Profile,
    Size,
    TensorSpec,
)
from sizewise.core.trials import Cell, Protocol, Trial

THERE = Environment(
    sizewise="0.1.0",
    python="3.11.7",
    system="Linux x86_64",
    kernel="6.1",
    cpu="A CPU",
    cpu_flags=("avx2", "avx512f"),
    cores=4,
    memory_bytes=16 * 2**30 + 4096,
    devices=("A GPU, driver 580.1",),
    packages={"torch": "2.10", "onnxruntime": "1.23"},
)
PROFILE = Profile(min=Size(64, 64), opt=Size(96, 128), max=Size(160, 160))


def _trial(backend: str, **changes: object) -> Trial:
    options = find_backend(backend).options_type(allow_fallback=True)
    spec = EngineSpec(
        backend=backend, strategy="dynamic", profiles=(PROFILE,), threads=2, options=options
    )
    cell = Cell(
        network="net",
        fusion="average",
        precision="int8",
        backend=backend,
        strategy="dynamic",
        graph_fusion="all",
        batch_size=1,
        size=Size(96, 128),
    )
    trial = Trial(
        cell=cell,
        model_sha256="ab" * 32,
        spec=spec,
        backend_version="1.2.3",
        environment_fingerprint="cd" * 32,
        protocol=Protocol(processes=2, block_s=0.25),
        data_sha256="ef" * 32,
        layout="sizewise",
        replica=1,
    )
    return replace(trial, **changes)  # type: ignore[arg-type]


def test_the_fingerprint_of_an_environment() -> None:
    assert THERE.fingerprint == "77919ab92d42134c54630c197c9711bb5d2388a27540f540b4b4cd3ca32b9c0c"
    assert replace(THERE, kernel="7", memory_bytes=16 * 2**30).fingerprint == THERE.fingerprint


IDENTITIES = {
    "fake": "1350ee230de841cff7a18880a9267111a599acd268c3d8a4f0766b6e75a64372",
    "onnxruntime": "09c007bcda6ef76e98ef2e8852e805d611c04c954b29eb75ce89aaddca77c1de",
    "openvino": "e4149c4ada68cd9c66cd3f72dab09c7c846d2de00aa20d2213ef6ebadf02154e",
    "tensorrt": "3670cf98c85bff68cc2007bc09b997e7881bc560f7e5453113acbabc41fdd418",
    "tensorrt_rtx": "65aa814014c28768dc1ff0996faccbb69bd4bc981f9e6145854df605da0d2cd9",
    "torch_compile": "4bbd0ee3ecc9785629ad936e65c4e1b2b044c22c64237d9d300d473e58406003",
}


@pytest.mark.parametrize("backend", IDENTITIES)
def test_the_identity_of_a_trial(backend: str) -> None:
    assert _trial(backend).identity == IDENTITIES[backend]


def test_the_identity_of_a_trial_with_what_the_first_files_lacked() -> None:
    trial = _trial("tensorrt")
    spec = replace(trial.spec, batch_size=4, batch_range=BatchRange(1, 8))
    cell = replace(trial.cell, options="tf32=true")
    assert (
        replace(trial, spec=spec, cell=cell).identity
        == "11f97acd15854cb941c67b34e86f684edda770140e9636fb5046eef559b8c924"
    )


ENGINES = {
    "fake": "fake-dynamic-64x64-160x160-1dbae718cb",
    "onnxruntime": "onnxruntime-dynamic-64x64-160x160-97f4430cd2",
    "openvino": "openvino-dynamic-64x64-160x160-03047e7810",
}


@pytest.mark.parametrize("backend", ENGINES)
def test_the_name_of_an_engine(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_backend(backend)
    monkeypatch.setattr(cache, "read_environment", lambda: THERE)
    monkeypatch.setattr(type(found), "version", lambda _: "1.2.3")
    assert engine_name(_model(), _trial(backend).spec, found) == ENGINES[backend]


def _model() -> ExportedModel:
    """Its hash alone counts."""
    return ExportedModel(
        path=Path("net.onnx"),
        sha256="ab" * 32,
        card=ModelCard(network="net"),
        opset_version=20,
        inputs=(TensorSpec(name="images", dtype="float32", shape=("b", 3, "h", "w")),),
        outputs=(),
    )

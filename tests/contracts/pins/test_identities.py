"""Hashes that files of users go by: of environments, trials and engines, as literals."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from engines.registry import find_backend
from engines.store import cache
from engines.store.cache import engine_name
from sizewise.core.machine.environment import Environment
from sizewise.core.specs import (
    BatchRange,
    EngineSpec,
    ExportedModel,
    ModelCard,
    Profile,
    Size,
    TensorSpec,
)
from sizewise.core.trials import Cell, Trial

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
        harness=2,
        layout="sizewise",
        replica=1,
    )
    return replace(trial, **changes)  # type: ignore[arg-type]


def test_the_fingerprint_of_an_environment() -> None:
    assert THERE.fingerprint == "468593749a78f49dd1690b721de576d72f414b0c0768edaf01cf3c868676e7b2"
    alike: tuple[dict[str, Any], ...] = (
        *({"kernel": "7"}, {"memory_bytes": 16 * 2**30}, {"packages": {}}, {"sizewise": "9"}),
        *({"python": "3.11.9"}, {"boot": "another"}, {"microcode": "0x2"}),
    )
    for changes in alike:
        assert replace(THERE, **changes).fingerprint == THERE.fingerprint, changes
    others: tuple[dict[str, Any], ...] = (
        *({"cpu_model": "cpu family 25"}, {"quota": 2.0}, {"physical_cores": 2}, {"cores": 3}),
        *({"variables": {"OMP_NUM_THREADS": "1"}}, {"python": "3.12.1"}, {"devices": ()}),
    )
    found = {replace(THERE, **changes).fingerprint for changes in others}
    assert len(found - {THERE.fingerprint}) == len(others)


IDENTITIES = {
    "fake": "507e9fa5758c1defae79964d92c1097e0f806a1a7c504ae39febd895fdff3b6d",
    "onnxruntime": "4f7cad88e50717cc3ef21f3110aaa176cc60ca17ac0960ddfaea458fbf82611b",
    "openvino": "521f7a2821fc4ae9090673ad6dae7c65f692ad81db74dbd8fd759ff50479ac34",
    "tensorrt": "ca98ef555e65e8aa57d435b9f9281c26f3d6785121ef985dedf5ffac8b2cba73",
    "tensorrt_rtx": "09a0a22137f2fb2fa7d1938aa2e6dd79ddb6baadc986387216e6a09be05a4bb2",
    "torch_compile": "eb47aec8147737effbb5e6c0810d2e645d1f619104d50ea37dafb472b749dc3b",
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
        == "4c071ebe5c3e1d76d75208a19ed2a22daf7e168c20f06af1cd46cf9cc36dd083"
    )


ENGINES = {
    "fake": "fake-dynamic-64x64-160x160-a0b9ccc62c",
    "onnxruntime": "onnxruntime-dynamic-64x64-160x160-88b387b7a8",
    "openvino": "openvino-dynamic-64x64-160x160-3a9797ab2c",
}


@pytest.mark.parametrize("backend", ENGINES)
def test_the_name_of_an_engine(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_backend(backend)
    monkeypatch.setattr(cache, "read_environment", lambda: THERE)
    monkeypatch.setattr(type(found), "version", lambda _: "1.2.3")
    assert engine_name(_model(), _trial(backend).spec, found) == ENGINES[backend]


def test_a_field_that_is_added_later_changes_no_identity() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Later(Trial):
        inputs: tuple[str, ...] = ()

    before = _trial("fake")
    later = Later(**{f.name: getattr(before, f.name) for f in fields(Trial)})
    assert later.identity == before.identity
    assert replace(later, inputs=("prompt",)).identity != before.identity


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

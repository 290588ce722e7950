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


def _trial(backend: str, *, allow_fallback: bool = True, **changes: object) -> Trial:
    options = find_backend(backend).options_type(allow_fallback=allow_fallback)
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
    "fake": "91f537badb45e500d8b0322f184f6b2f8eec111a2670dad4d578602de4ab4937",
    "onnxruntime": "adb9e5e048123ea1fd0cc4a788e5e75cc05e6dab4a09d33ca564681fb03792f6",
    "openvino": "fcc695d0c74189d812437a973c6e1ef9a1c26a41933fd67adc0768e3d6839898",
    "tensorrt": "d7c3ae87e3c72cbdf52210ad35e4bea75ea9d39422d01121567024840294d484",
    "tensorrt_rtx": "5637cb58b02b602c887e8f8d1551d4a7d820a7f7807f2db29d75cc849d03a4cc",
    "torch_compile": "89fa493be32bf0e2528f94da8899cc02cc9957b2df6876d5f57ef846271c7a18",
}


@pytest.mark.parametrize("backend", IDENTITIES)
def test_the_identity_of_a_trial(backend: str) -> None:
    assert _trial(backend).identity == IDENTITIES[backend]


AT_DEFAULTS = {
    "fake": "00f91e57cd5d3257389a9ad99b74efcb2effcb741a40ece1ea3a2ae5305abad9",
    "onnxruntime": "f077a580f15cb448097a98b16c47469b2e783c303d38abecf9d49afd20cea1c0",
    "onnxruntime_cuda": "c610b28d04fa089bcf109e18910650367be39ccbf7045e6e7a28b075a1f7a45c",
    "openvino": "6ea0760ff5cc4cdf0b62c913d363b378f1dfaa1b04c6c58c7305e710e94699ea",
    "tensorrt_rtx": "b4c992720acc502f75a3b2e2c499a82628eae0dd3d03d71681a2b26f5e57d6cd",
    "torch_compile": "b35801e9d24449f312fadf3c90f9bfc372fba41de1823d146f984e447ef9457c",
    "torch_cuda": "e4f211089de054984524f9423212a9cc678265061a5f8d7c7e6d11991d9c46f4",
    "torch_eager": "0cdaaa37bd42073b6c78fa9ef1e08d0e3d42d055670cf89c9efb0af348b721c1",
}


@pytest.mark.parametrize("backend", AT_DEFAULTS)
def test_the_identity_of_a_trial_with_no_option_chosen(backend: str) -> None:
    """Of before a back end had options of its own, too."""
    assert _trial(backend, allow_fallback=False).identity == AT_DEFAULTS[backend]


def test_a_file_that_was_renamed_is_the_same_trial() -> None:
    trial = _trial("fake")
    assert replace(trial, cell=replace(trial.cell, network="renamed")).identity == trial.identity


@pytest.mark.parametrize("name", ["harness", "builder"])
def test_other_code_that_measures_or_builds_makes_another_trial(name: str) -> None:
    trial = _trial("fake")
    assert replace(trial, **{name: getattr(trial, name) + 1}).identity != trial.identity


def test_the_identity_of_a_trial_with_what_the_first_files_lacked() -> None:
    trial = _trial("tensorrt")
    spec = replace(trial.spec, batch_size=4, batch_range=BatchRange(1, 8))
    cell = replace(trial.cell, options="tf32=true")
    assert (
        replace(trial, spec=spec, cell=cell).identity
        == "745a91d2087a34667dbaa4bc7c9afddd943cfa39995e9b27f4bd59d63b24a8ca"
    )


ENGINES = {
    "fake": "fake-dynamic-64x64-160x160-a0b9ccc62c",
    "onnxruntime": "onnxruntime-dynamic-64x64-160x160-9e1facea1a",
    "openvino": "openvino-dynamic-64x64-160x160-2930acb10e",
}


@pytest.mark.parametrize("backend", ENGINES)
def test_the_name_of_an_engine(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_backend(backend)
    monkeypatch.setattr(cache, "read_environment", lambda: THERE)
    monkeypatch.setattr(type(found), "version", lambda _: "1.2.3")
    monkeypatch.setattr(type(found), "compiler", lambda _: "")
    assert engine_name(_model(), _trial(backend).spec, found) == ENGINES[backend]


ENGINES_AT_DEFAULTS = {
    "fake": "fake-dynamic-64x64-160x160-013dbb70c1",
    "onnxruntime": "onnxruntime-dynamic-64x64-160x160-6fe49373a2",
    "onnxruntime_cuda": "onnxruntime_cuda-dynamic-64x64-160x160-de8f7dfc11",
    "openvino": "openvino-dynamic-64x64-160x160-a61a69b66c",
    "tensorrt_rtx": "tensorrt_rtx-dynamic-64x64-160x160-045e7f73bd",
    "torch_compile": "torch_compile-dynamic-64x64-160x160-780bbcf140",
    "torch_cuda": "torch_cuda-dynamic-64x64-160x160-299283eaaa",
    "torch_eager": "torch_eager-dynamic-64x64-160x160-b66d68d458",
}


@pytest.mark.parametrize("backend", ENGINES_AT_DEFAULTS)
def test_the_name_of_an_engine_with_no_option_chosen(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, spec = find_backend(backend), _trial(backend, allow_fallback=False).spec
    monkeypatch.setattr(cache, "read_environment", lambda: THERE)
    monkeypatch.setattr(type(found), "version", lambda _: "1.2.3")
    monkeypatch.setattr(type(found), "compiler", lambda _: "")
    assert engine_name(_model(), spec, found) == ENGINES_AT_DEFAULTS[backend]


CHOSEN: tuple[dict[str, Any], ...] = (
    *({"spinning": "always"}, {"arena": False}, {"memory_pattern": False}),
    *({"session_config": ("session.disable_prepacking=1",)}, {"flush_subnormals": True}),
    {"execution_mode": "parallel", "inter_op_threads": 2},
)


def test_every_option_that_is_chosen_makes_another_trial_and_engine() -> None:
    backend = find_backend("onnxruntime")
    kind: Any = backend.options_type
    before = _trial("onnxruntime", allow_fallback=False)
    specs = [replace(before.spec, options=kind(**chosen)) for chosen in CHOSEN]
    identities = {replace(before, spec=spec).identity for spec in (before.spec, *specs)}
    names = {engine_name(_model(), spec, backend) for spec in (before.spec, *specs)}
    assert len(identities) == len(names) == 1 + len(CHOSEN)


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

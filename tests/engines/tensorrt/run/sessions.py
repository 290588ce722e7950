"""Sessions over the fakes, and what their calls should give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.tensorrt.log import Messages
from engines.tensorrt.options import RtxOptions
from engines.tensorrt.run.cuda import CudaRuntime
from engines.tensorrt.run.session import TensorRtSession
from sizewise.core.specs import (
    Achieved,
    EngineArtifact,
    EngineSpec,
    FurtherInput,
    ImageInput,
    ModelCard,
    Profile,
    Size,
    TensorSpec,
)
from tests.engines.tensorrt.fake_cuda import Device, FakeCuda
from tests.engines.tensorrt.fake_trt import (
    BRIGHT,
    CHANNELS,
    DOUBLED,
    GAINS,
    IMAGE,
    FakeEngine,
    Plan,
    fake_trt,
)

Array = NDArray[Any]
PROFILES = (
    Profile(min=Size(2, 2), opt=Size(4, 4), max=Size(8, 8)),
    Profile(min=Size(6, 6), opt=Size(12, 12), max=Size(16, 16)),
)


def artifact_of(plan: Plan, options: RtxOptions) -> EngineArtifact:
    shape = ("batch", CHANNELS, "height", "width")
    image = TensorSpec(name=IMAGE, dtype="float32", shape=shape)
    return EngineArtifact(
        path=Path("engine"),
        sha256="",
        size_bytes=0,
        build_s=0.0,
        model_sha256="",
        backend_version="",
        image=ImageInput(tensor=image, channels_first=True),
        outputs=(
            TensorSpec(name=DOUBLED, dtype="float32", shape=shape),
            TensorSpec(name=BRIGHT, dtype="int32", shape=("batch",)),
        ),
        card=ModelCard(network="double"),
        spec=EngineSpec(
            backend="tensorrt_rtx" if plan.rtx else "tensorrt",
            strategy="profiles",
            profiles=plan.profiles,
            batch_size=plan.batches.min,
            batch_range=plan.batches,
            options=options,
        ),
        achieved=Achieved(reason="not asked"),
        further=(FurtherInput(name=GAINS, dtype="float32", shape=("batch",)),) * plan.gains,
    )


def open_session(
    plan: Plan,
    *,
    messages: Messages | None = None,
    artifact: EngineArtifact | None = None,
    **options: Any,
) -> TensorRtSession:
    """``options`` are those of TensorRtOptions."""
    artifact = artifact or artifact_of(plan, RtxOptions(**options))
    trt = fake_trt(rtx=plan.rtx)
    return TensorRtSession(
        artifact, trt, FakeEngine(plan), CudaRuntime(FakeCuda(plan.device)), messages
    )


def plan_of(device: Device | None = None, **values: Any) -> Plan:
    return Plan(device=device or Device(), **{"profiles": PROFILES, **values})


def images(side: int, batch: int = 1, seed: int = 0) -> Array:
    shape = (batch, CHANNELS, side, side)
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def check_outputs(outputs: dict[str, Array], given: Array) -> None:
    assert set(outputs) == {DOUBLED, BRIGHT}
    assert outputs[DOUBLED].dtype == np.float32
    assert outputs[BRIGHT].dtype == np.int32
    np.testing.assert_array_equal(outputs[DOUBLED], 2 * given)
    np.testing.assert_array_equal(outputs[BRIGHT], (given > 0.5).sum(axis=(1, 2, 3)))


def infer(session: TensorRtSession, side: int, batch: int = 1, seed: int = 0) -> None:
    """One call, and its outputs checked."""
    given = images(side, batch, seed)
    if not session.artifact.further:
        check_outputs(session.infer({IMAGE: given}), given)
        return
    gains = np.random.default_rng(seed + 1).random(batch, dtype=np.float32)
    outputs = session.infer({IMAGE: given, GAINS: gains})
    check_outputs(outputs, given * gains[:, None, None, None])

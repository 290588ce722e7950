"""A ``Runtime`` needs a driver: a made-up module stands for the library's, whose names are checked
against the real ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from engines.tensorrt.log import Messages
from engines.tensorrt.open_plan import PLAN, open_plan
from engines.tensorrt.options import DataCentreOptions, RtxOptions, TensorRtOptions
from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import EngineArtifact
from tests.engines.tensorrt.build.builds import trt
from tests.engines.tensorrt.fake_cuda import Device
from tests.engines.tensorrt.fake_trt import Plan
from tests.engines.tensorrt.run.sessions import PROFILES, artifact_of

OLDER = "The engine plan file is not compatible with this version of TensorRT, expecting 11.1"


class Severity(Enum):
    ERROR = 1


@dataclass(frozen=True)
class Engine:
    """What was deserialised, and whether its own code was allowed to run before it was."""

    plan: bytes
    host_code: bool


class Library:
    """Its ``Runtime`` opens plans that begin with ``good``."""

    class ILogger:
        def log(self, severity: Severity, text: str) -> None: ...

    class Runtime:
        def __init__(self, logger: Library.ILogger) -> None:
            assert isinstance(logger, Library.ILogger)
            self.engine_host_code_allowed = False
            self._logger = logger

        def deserialize_cuda_engine(self, serialized_engine: bytes) -> Engine | None:
            assert isinstance(serialized_engine, bytes)
            if serialized_engine.startswith(b"good"):
                return Engine(serialized_engine, self.engine_host_code_allowed)
            if serialized_engine:
                self._logger.log(Severity.ERROR, f"{OLDER} In load at /_src/loader.cpp:26")
            return None


def artifact(folder: Path, plan: bytes, options: TensorRtOptions) -> EngineArtifact:
    (folder / PLAN).write_bytes(plan)
    made = artifact_of(Plan(device=Device(), profiles=PROFILES), RtxOptions())
    return replace(made, path=folder, spec=replace(made.spec, options=options))


def opened(engine: EngineArtifact) -> Any:
    return open_plan(Library, engine, Messages())


def test_the_names_are_the_librarys() -> None:
    for name in ("deserialize_cuda_engine", "engine_host_code_allowed"):
        assert hasattr(Library.Runtime(Library.ILogger()), name)
        assert hasattr(trt.Runtime, name)


def test_a_plan_is_opened_and_may_run_no_code_of_its_own(tmp_path: Path) -> None:
    assert opened(artifact(tmp_path, b"good", RtxOptions())) == Engine(b"good", host_code=False)


@pytest.mark.parametrize("options", [RtxOptions, DataCentreOptions])
def test_a_plan_for_newer_versions_brings_code_and_may_run_it(
    tmp_path: Path, options: type[TensorRtOptions]
) -> None:
    assert opened(artifact(tmp_path, b"good", options(version_compatible=True))).host_code


def test_a_plan_that_is_not_opened_is_refused_in_the_librarys_words(tmp_path: Path) -> None:
    with pytest.raises(EngineMismatchError, match="could not open the engine") as failure:
        opened(artifact(tmp_path, b"of another version", RtxOptions()))
    assert failure.value.why == OLDER
    assert failure.value.reason_code == "environment"
    assert "sizewise build" in failure.value.todo


def test_it_is_refused_where_the_library_says_nothing(tmp_path: Path) -> None:
    with pytest.raises(EngineMismatchError, match="it gave no reason"):
        opened(artifact(tmp_path, b"", RtxOptions()))


def test_what_the_library_says_later_is_heard_by_the_same_words(tmp_path: Path) -> None:
    messages = Messages()
    with pytest.raises(EngineMismatchError):
        open_plan(Library, artifact(tmp_path, b"of another version", RtxOptions()), messages)
    assert messages.errors == [OLDER]

"""Names of fields that are keys on disk and in ``--json``, and words that are values there.

``fields.json`` holds them as they were when the first files were written. Whoever adds one adds it
there; none is renamed or dropped, and no default moves: that would make another trial of each.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import pytest

from bench.journal import schema
from bench.planning.settings import Axes, SweepSettings
from engines.differences import Comparison, Difference
from engines.registry import backends
from netzoo.tasks.layouts import layout_names
from netzoo.tasks.registry import tasks
from netzoo.training.augmenting.settings import Augmentation
from netzoo.training.settings import LossGains, LossTerms, ScaleTraining, TrainingSettings
from netzoo.weights.checkpoint import CheckpointHeader, Provenance
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from sizewise.core import codec, specs, trials
from sizewise.core.machine.environment import PACKAGES, Environment
from sizewise.core.options.declared import fill
from sizewise.core.specs import Strategy
from sizewise.core.specs.explained.layers import EngineTime, ExplainedLayer, LayerRun
from sizewise.core.specs.explained.records import LayerRecord
from sizewise.core.trials import Status
from tests.contracts.pins.sources import SOURCES, held_in

PINNED: dict[str, Any] = json.loads(
    Path(__file__).with_name("fields.json").read_text(encoding="utf-8")
)
VALUES = (
    *(trials.Trial, trials.Cell, trials.Sample, trials.Reading, trials.Round),
    *(trials.ShapeChange, trials.FirstCall, trials.Part, trials.Memory, trials.Accuracy),
    *(trials.Build, trials.Run, trials.Flushing, Environment),
    *(specs.EngineSpec, specs.BackendOptions, specs.BatchRange, specs.Profile, specs.Size),
    *(specs.ModelCard, specs.Calibration, specs.Suppression, specs.ParityCheck, specs.Deviation),
    *(specs.ExportedModel, specs.TensorSpec, specs.ImageInput, specs.EngineArtifact),
    *(specs.Achieved, specs.LayerPrecision, specs.EngineMemory, Comparison, Difference),
    *(CheckpointHeader, Provenance, NetworkConfig, MultiscaleConfig),
    *(TrainingSettings, ScaleTraining, Augmentation, LossTerms, LossGains),
    *(specs.KeptLayer, LayerRecord, ExplainedLayer, LayerRun, EngineTime),
)
_OF_THE_MACHINE = {("TrainingSettings", "threads")}


def _fields(kind: Any) -> dict[str, Any]:
    """Names in their order, each with its default as JSON has it."""
    return {
        field.name: _default(field)
        if (kind.__name__, field.name) not in _OF_THE_MACHINE
        else "of the machine"
        for field in dataclasses.fields(kind)
    }


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return codec.to_plain(field.default_factory())
    if field.default is dataclasses.MISSING:
        return "required"
    return json.loads(codec.to_json(field.default))


def _reason_codes() -> list[str]:
    """By the sources: what is given as ``reason_code=`` (a trial is filed under it), and the codes
    of doubts."""
    return sorted(set[str]().union(*(held_in(room).codes for room in SOURCES)))


def snapshot() -> dict[str, Any]:
    """All that is pinned here; ``fields.json`` is this."""
    return {
        "values": {kind.__name__: _fields(kind) for kind in VALUES},
        "options": {
            name: _fields(backend.options_type) for name, backend in sorted(backends().items())
        },
        "settings": {
            kind.__name__: json.loads(json.dumps(kind().plain())) for kind in (Axes, SweepSettings)
        },
        "statuses": list(get_args(Status)),
        "strategies": list(get_args(Strategy)),
        "tasks": sorted([*tasks(), "unknown"]),
        "layouts": list(layout_names()),
        "reason_codes": _reason_codes(),
        "packages": list(PACKAGES),
        "schema": {"version": schema.VERSION, "application_id": schema.APPLICATION_ID},
    }


@pytest.mark.parametrize("part", ["options", "settings", "values"])
def test_fields_and_their_defaults_are_as_pinned(part: str) -> None:
    found = snapshot()[part]
    assert set(found) == set(PINNED[part])
    for name, fields in found.items():
        assert fields == PINNED[part][name], name  # files hold keys in the order of the alphabet


@pytest.mark.parametrize("part", ["statuses", "strategies", "tasks", "layouts", "packages"])
def test_words_are_as_pinned(part: str) -> None:
    assert snapshot()[part] == PINNED[part]


def test_codes_and_the_schema_are_as_pinned() -> None:
    found = snapshot()
    assert found["reason_codes"] == PINNED["reason_codes"]
    assert found["schema"] == PINNED["schema"]


def test_full_settings_are_written_as_they_were() -> None:
    """As the configuration of a run holds them: all of ``[bench]``, and of each ``[[bench.sweep]]``
    what it says."""
    given = PINNED["full_settings"]["given"]
    written = codec.to_json(fill(SweepSettings, given).plain())
    assert written == PINNED["full_settings"]["written"]

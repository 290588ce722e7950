"""The accuracy loss of a precision: its graph and its FP32 parent on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import EngineError
from sizewise.core.holding.temporary import naming_tmpdir, temporary_folder
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import ExportedModel, Size
from sizewise.core.trials import METRICS, Accuracy
from sizewise.pipeline.accuracy.engine_candidates import evaluate_engine
from sizewise.pipeline.accuracy.nothing import main_score
from sizewise.pipeline.models.one_engine import build_engine

if TYPE_CHECKING:
    import onnx

    from netzoo.tasks.task import Data

_POINT = 0.01


@dataclass(frozen=True, kw_only=True)
class Score:
    """The accuracy at one size: the parent's, and that of the graph converted from it."""

    size: Size
    parent: Accuracy
    made: Accuracy

    @property
    def drop(self) -> float:
        """Accuracy loss in points of AP, mIoU or top-1 (below 0: a gain)."""
        return (_main(self.parent) - _main(self.made)) / _POINT

    @property
    def most(self) -> float:
        """All that could be lost, in points."""
        return _main(self.parent) / _POINT


@dataclass
class Scorer:
    """Evaluates graphs converted from ``model`` on ``data`` at ``sizes``, and the model once.

    Raises EngineError where a graph does not run.
    """

    model: ExportedModel
    data: Data
    sizes: Sequence[Size]
    reporter: Reporter = SILENT
    _parent: Mapping[Size, Accuracy] = field(default_factory=dict)

    def scores(self, graph: onnx.ModelProto, *, exactly: bool) -> tuple[Score, ...]:
        """The scores of what the graph computes, whatever precision this CPU would run it in.

        With ``exactly``, it runs node by node, without optimisations that would compute in 8
        bits.
        """
        self._parent = self._parent or self._evaluate(self.model, "all")
        with temporary_folder() as folder, naming_tmpdir():
            written = _written(graph, self.model, folder / self.model.path.name)
            made = self._evaluate(written, "none" if exactly else "all")
        return tuple(Score(size=s, parent=self._parent[s], made=made[s]) for s in self.sizes)

    def _evaluate(self, model: ExportedModel, graph_fusion: str) -> Mapping[Size, Accuracy]:
        from engines.store.opening import open_engine

        with temporary_folder() as folder, naming_tmpdir():
            artifact = build_engine(
                model, "", self.sizes, folder, graph_fusion=graph_fusion, reporter=self.reporter
            )
            with open_engine(artifact) as session:
                outcomes = evaluate_engine(
                    session, self.model.card, self.data, self.sizes, self.reporter
                )
                return {size: _demanded(outcome) for size, outcome in outcomes}


def open_scorer(
    model: ExportedModel,
    source: str,
    sizes: Sequence[Size],
    reporter: Reporter = SILENT,
    *,
    images: Path | None = None,
) -> Scorer:
    """A scorer on the validation part of ``source``, whose pictures lie in ``images`` where that is
    given.

    Raises InputError where it does not fit ``model``, and UsageError where a layout must be said.
    """
    from bench.accuracy.engine import demand_fit, demand_meaning
    from bench.accuracy.plan import AccuracyPlan

    demand_meaning(model, source)
    data = AccuracyPlan(data=source, folder=images).open(model.card, reporter)
    demand_fit(model, data, sizes=sizes)
    return Scorer(model=model, data=data, sizes=sizes, reporter=reporter)


def largest_drop(scores: Sequence[Score]) -> float:
    return max(score.drop for score in scores)


def _written(graph: onnx.ModelProto, model: ExportedModel, path: Path) -> ExportedModel:
    """``graph`` as a file with the model's card; emulated where the runtime can't compute it."""
    from exporter.checks.emulation import emulated
    from exporter.graph.serializing import to_bytes
    from sizewise.core.onnxfiles.model import read_model, write_card

    runnable = emulated(graph)
    write_card(runnable, replace(model.card, precision="fp32", program_sha256="", parity=()))
    path.write_bytes(to_bytes(runnable))
    return replace(read_model(path), card=model.card)


def _demanded(outcome: Accuracy | EngineError) -> Accuracy:
    if isinstance(outcome, EngineError):
        raise outcome
    return outcome


def _main(accuracy: Accuracy) -> float:
    value = main_score({metric.name: getattr(accuracy, metric.name) for metric in METRICS})
    if value is None:
        raise ValueError("an accuracy without the metric that ranks")
    return value

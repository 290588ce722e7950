"""The accuracy of a plan, measured: each picture at the place of its own size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reports.choice.planning.correcting import expected_of
from reports.choice.planning.decided import Decided
from sizewise.core.errors import RecordError
from sizewise.core.holding.temporary import temporary_folder
from sizewise.core.progress import OnProgress, Reporter, Stage
from sizewise.core.specs import ExportedModel
from sizewise.core.specs.plan import MeasuredAccuracy, Plan
from sizewise.core.specs.stored_plan import NAME, write_plan
from sizewise.pipeline.records.planning.data import PlanData

_PARTS = 100
"""Of a bar: how many images there are, the child alone knows."""


@dataclass(frozen=True, kw_only=True)
class Rating:
    """How plans are rated: on these ``data``, with engines below the folder ``out``."""

    data: PlanData
    out: Path
    timeout_s: float
    reporter: Reporter

    def of(self, plan: Plan, decided: Decided, model: ExportedModel) -> MeasuredAccuracy:
        """Run all images through the engines of a plan, and say what was expected of them.
        ``model`` is any of the plan's. Raises InputError, EngineError, RecordError."""
        from bench.planned import evaluate

        with (
            temporary_folder() as folder,
            self.reporter.stage("Accuracy of the plan", _PARTS) as stage,
        ):
            write_plan(plan, folder / NAME)
            found = evaluate(
                self.out,
                folder / NAME,
                self.data.source,
                self.data.image_count,
                timeout_s=self.timeout_s,
                card=model.card,
                on_progress=_shown(stage),
            )
        metric = decided.setting.curves.metric
        score = getattr(found.accuracy, metric.name) if metric else None
        if score is None:
            raise RecordError(
                "The accuracy of the plan could not be measured",
                f"there is no figure for {found.name}",
                "Give data with annotations of the models' classes.",
            )
        pictures = {size: (plan.place_of(size), count) for size, count in found.pictures.items()}
        return MeasuredAccuracy(
            data=found.name,
            data_sha256=found.accuracy.data_sha256,
            images=found.accuracy.images,
            chosen=found.accuracy.chosen,
            accuracy=score,
            expected=expected_of(decided, pictures),
            covered=sum(route.share for route in plan.routes if route.picture in pictures),
        )


def _shown(stage: Stage) -> OnProgress:
    done = 0

    def show(share: float, note: str) -> None:
        nonlocal done
        now = int(_PARTS * share)
        stage.advance(now - done, note=note)
        done = max(done, now)

    return show

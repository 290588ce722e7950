"""What a plan is made of, read from results, models and a traffic."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from reports.choice.planning.curves import Images, curves_of
from reports.choice.planning.demand import Demand
from reports.choice.planning.kinds import Group, groups_of
from reports.choice.planning.limits import PlanLimits
from reports.choice.planning.setting import Setting
from reports.load import Records, read_records
from reports.machines import is_same_hardware
from reports.rows.configured import models_of
from sizewise.core.errors import EnvironmentMismatchError, InputError, RecordError
from sizewise.core.machine.environment import read_environment
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.options.declared import spelled
from sizewise.core.specs import ExportedModel, Size
from sizewise.core.specs.plan import InputRule
from sizewise.core.specs.traffic import Traffic
from sizewise.core.trials import Trial
from sizewise.pipeline.models.cards import explained

_MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Results, and those of their models whose files are still there, by their hashes.
    ``bare_mib`` is the memory of a process here with no library (None: the system does not say).
    """

    results: Path
    records: Records
    groups: tuple[Group, ...]
    models: Mapping[str, ExportedModel]
    bare_mib: float | None = None

    @property
    def engines(self) -> Path:
        """The folder in which a sweep leaves its engines."""
        return self.results.parent / "engines"

    def path_of(self, sha256: str) -> str:
        """The file of a model, where the results name it."""
        known = models_of(self.records.runs).get(sha256)
        return known.path if known else ""

    def bench_command(
        self, groups: Sequence[Group], sizes: Iterable[Size], profiles: str = ""
    ) -> str:
        """The command that measures these sizes of engines like those of ``groups``, which have
        these ``profiles``."""
        files = (self.path_of(group.any.model_sha256) or "MODEL.onnx" for group in groups)
        specs = [group.spec for group in groups]
        given = (group.any.result.trial.cell.options for group in groups)
        options = dict.fromkeys(one for text in given for one in text.split())
        words = [
            *("sizewise", "bench", *dict.fromkeys(files)),
            *("--backend", ",".join(dict.fromkeys(spec.backend for spec in specs))),
            *("--strategy", ",".join(dict.fromkeys(spec.strategy for spec in specs))),
            *("--sizes", ",".join(map(str, sizes))),
            *(("--profiles", profiles) if profiles else ()),
            *("--threads", str(specs[0].threads), "--batch", str(specs[0].batch_size)),
            *(word for one in options for word in ("--backend-option", one)),
            *("--out", str(self.results.parent)),
        ]
        return shlex.join(words)


def read_sources(results: Path, batch: int | None) -> Sources:
    """Raises InputError, RecordError, and EnvironmentMismatchError where another machine measured
    them."""
    records = read_records(results)
    if not is_same_hardware(records.environment, read_environment()):
        raise EnvironmentMismatchError(
            f"No plan can be made of {results} here",
            "another machine measured it, and its milliseconds are not this one's",
            "Plan on that machine, or measure here with sizewise bench.",
        )
    groups = groups_of(records.rows, batch)
    if not groups:
        why, todo = _why_nothing(records, batch)
        raise RecordError(f"There is nothing to plan with in {results.name}", why, todo)
    shas = dict.fromkeys(group.any.model_sha256 for group in groups)
    known = models_of(records.runs)
    trials = {group.any.model_sha256: group.any.result.trial for group in groups}
    return Sources(
        results=results,
        records=records,
        groups=groups,
        models={
            sha256: model
            for sha256 in shas
            if (model := _model(known[sha256].path if sha256 in known else "", trials[sha256]))
        },
        bare_mib=_bare_mib(),
    )


@cache
def _bare_mib() -> float | None:
    """It is the same for every plan of this process."""
    from bench.streaming import bare_bytes

    found = bare_bytes()
    return None if found is None else found / _MIB


def _why_nothing(records: Records, batch: int | None) -> tuple[str, str]:
    """Why there is no engine to choose, and what to do."""
    batches = sorted({row.batch_size for row in records.rows if row.measured})
    if not batches:
        return "no engine was measured", "Run sizewise bench first."
    if batch is not None and batch not in batches:
        listed = ", ".join(map(str, batches))
        return f"batches that were measured: {listed}", "Choose one of these, or measure that one."
    return (
        "it has no memory of an engine",
        "Measure on a system that tells the memory of a process, such as Linux.",
    )


def _model(path: str, trial: Trial) -> ExportedModel | None:
    """The model as it was read for a trial, where its file is there and is the same still."""
    if not path or not Path(path).is_file():
        return None
    try:
        model = read_model(Path(path))
    except InputError:
        return None
    if model.sha256 != trial.model_sha256:
        return None
    read = explained(model, trial.layout) if model.card.layout == "unknown" else model
    shown = replace(read.card, letterbox=trial.letterbox, preprocessing=trial.preprocessing)
    return replace(read, card=shown)


def rule_of(sources: Sources, side_px: int | None) -> InputRule:
    """How pictures become inputs. Pictures are scaled down to the largest side that was measured,
    unless it is said."""
    sizes = [size for group in sources.groups for size in group.rows]
    cards = [model.card for model in sources.models.values()]
    sides = [side for size in sizes for side in (size.height, size.width)]
    stride = math.lcm(1, *(card.stride for card in cards))
    if stride == 1:  # it is not known: each side that was measured is a multiple of it
        stride = math.gcd(*sides)
    return InputRule(
        side_px=side_px or max(sides),
        stride=stride,
        smallest_px=max((card.smallest for card in cards), default=1),
        letterbox=all(group.any.result.trial.letterbox for group in sources.groups),
    )


def setting_of(
    sources: Sources,
    traffic: Traffic,
    limits: PlanLimits,
    side_px: int | None,
    images: Images | None = None,
) -> Setting:
    """With accuracies on these ``images``, or on those of most results. Raises RecordError where a
    limit on accuracy is given and none was measured."""
    curves = curves_of(sources.groups, images)
    wanted = limits.min_ap is not None or limits.max_loss_points is not None
    if wanted and curves.metric is None:
        raise RecordError(
            f"No plan can be made of {sources.results.name} under a limit on accuracy",
            "no accuracy was measured",
            f"Give {spelled('data')}, or measure it: sizewise bench with --data adds it to these "
            "results.",
        )
    return Setting(
        demand=Demand.of(traffic, rule_of(sources, side_px)),
        groups=sources.groups,
        curves=curves,
        limits=limits,
        bare_mib=sources.bare_mib,
    )

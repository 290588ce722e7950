"""A search for the settings of a training by the scores of its validations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core import codec
from sizewise.core.errors import TrainingError, UsageError
from sizewise.core.files import output_folder
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Reporter, Stage
from sizewise.pipeline.models.training import Training, TrainOptions
from sizewise.pipeline.preparation.tuning.options import FixedTraining, TuneOptions
from sizewise.pipeline.preparation.tuning.picture import draw_search
from sizewise.pipeline.preparation.tuning.rows import TrialRow, best_of, save_rows
from sizewise.pipeline.preparation.tuning.space import Dimension, space_of
from sizewise.pipeline.preparation.tuning.study import Study, Trial, demand_optuna, opened_study

if TYPE_CHECKING:
    from netzoo.data.classified import ClassifiedSet
    from netzoo.data.coco.dataset import Dataset
    from sizewise.core.trials import Metric
    from sizewise.pipeline.train import Trained

_UNPRUNED_SHARE = 4
"""The inverse share of the steps in which no trial is ended."""
_STATES = ("*.training.safetensors", "*.training.best.safetensors")


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What a search found: all its trials, and the best of those that were trained to their end.

    ``metric`` is the title of the score. ``options`` are those of the best training, ``checkpoint``
    its file of the best step. All files are in ``folder``.
    """

    network: str
    metric: str
    folder: Path
    trials: tuple[TrialRow, ...]
    best: TrialRow
    options: TrainOptions
    checkpoint: str


class _PrunedError(Exception):
    """A trial is ended: others did better by the same step."""


@dataclass(frozen=True, kw_only=True)
class _Search:
    """All that the trials of a search have in common."""

    network: str
    data: str
    images: Path | None
    fixed: FixedTraining
    space: tuple[Dimension, ...]
    metric: Metric
    folder: Path
    steps: int
    trials: int
    reporter: Reporter

    def run(self, trial: Trial, study: Study) -> None:
        """Train ``trial``, or go on with its training."""
        from sizewise.pipeline.train import train

        folder = self.folder / f"trial-{trial.number:03d}"
        training = self._training(trial)
        label = f"trial {trial.number}/{self.trials}{self._best(study, ', best')}"
        try:
            (trained,) = train(
                training,
                self.data,
                out=folder,
                images=self.images,
                reporter=_OfTrial(self.reporter, label),
                watch=lambda scores: self._watch(trial, scores),
            )
        except _PrunedError:
            trial.prune()
            _remove_states(folder)
        except TrainingError as error:
            trial.fail(f"{error.what}: {error.why}")
            _remove_states(folder)
        else:
            trial.complete(self.score(trained))

    def _training(self, trial: Trial) -> Training:
        return Training(network=self.network, options=self.options(trial.values(self.space)))

    def options(self, values: Mapping[str, float]) -> TrainOptions:
        """The options of a training with these values."""
        return self.fixed.training(**values)

    def _watch(self, trial: Trial, scores: Mapping[int, Mapping[str, float]]) -> None:
        """Raises _PrunedError where the training should end before its last step."""
        name = self.metric.name
        ends = trial.report({step: found[name] for step, found in scores.items()})
        if ends and max(scores) < self.steps:
            raise _PrunedError

    def score(self, trained: Trained) -> float:
        return (trained.best_scores or trained.scores or {})[self.metric.name]

    def remark_on(self, study: Study, number: int) -> None:
        """Say how a trial ended, and which is the best."""
        row = study.rows(self.space)[number - 1]
        score = "no score" if row.score is None else f"{self.metric.title} {row.score:.3f}"
        ends = {"pruned": f", ended after step {row.steps}", "failed": f". {row.reason}"}
        self.reporter.remark(
            f"Trial {number} of {self.trials}: {score}{ends.get(row.state, '')}."
            f"{self._best(study, ' Best so far:')}"
        )

    def _best(self, study: Study, said: str) -> str:
        best = best_of(study.rows(self.space))
        return f"{said} {self.metric.title} {best.score:.3f} (trial {best.number})" if best else ""


def tune(
    network: str,
    data: str,
    tuning: TuneOptions,
    fixed: FixedTraining,
    *,
    out: Path,
    images: Path | None = None,
    reporter: Reporter = SILENT,
) -> Tuned:
    """Train ``network`` again and again, with other values of what is searched.

    ``fixed`` is what all trainings have in common. Each is an ordinary one in its own folder of
    ``out``; the same call goes on where an earlier one ended. Raises UsageError, InputError,
    OutputError, and TrainingError where no trial could be trained.
    """
    search, identity = _prepared(
        network, data, tuning, fixed, out=out, images=images, reporter=reporter
    )
    prune_from = None if tuning.no_pruning else search.steps // _UNPRUNED_SHARE
    with (
        _alone(search.folder),
        opened_study(search.folder, identity, seed=fixed.seed, prune_from=prune_from) as study,
    ):
        while trial := study.next(tuning.trials):
            search.run(trial, study)
            search.remark_on(study, trial.number)
            _save(search, study)
        _save(search, study)
        return _found(search, study.rows(search.space))


def _prepared(
    network: str,
    data: str,
    tuning: TuneOptions,
    fixed: FixedTraining,
    *,
    out: Path,
    images: Path | None,
    reporter: Reporter,
) -> tuple[_Search, dict[str, object]]:
    """The search, and its identity. Raises UsageError and InputError before any training."""
    from netzoo.training.trainer import TRAINER
    from netzoo.zoo.network import find_network
    from sizewise.core.trials import METRICS
    from sizewise.pipeline.train import demand_validated

    find_network(network)
    _demand_one(network, fixed)
    space = space_of(network, tuning, fixed)
    demand_optuna()
    training = Training(network=network, options=fixed.training())
    task = find_network(network).task
    parts = demand_validated(training, data, images=images, reporter=reporter)
    search = _Search(
        network=network,
        data=data,
        images=images,
        fixed=fixed,
        space=space,
        metric=next(m for m in METRICS if m.ranks and m.task == task),
        folder=output_folder(out),
        steps=training.settings_for(len(parts[0].images)).steps,
        trials=tuning.trials,
        reporter=reporter,
    )
    return search, _identity(search, tuning, parts, TRAINER)


def _identity(
    search: _Search,
    tuning: TuneOptions,
    parts: tuple[Dataset | ClassifiedSet, Dataset | ClassifiedSet],
    trainer: int,
) -> dict[str, object]:
    """All that makes it this search; the number of trials is not part of it."""
    return {
        "network": search.network,
        "data": [part.sha256 for part in parts],
        "options": codec.telling(search.fixed),
        "search": [codec.to_plain(one) for one in search.space],
        "pruning": not tuning.no_pruning,
        "trainer": trainer,
    }


def _demand_one(network: str, fixed: FixedTraining) -> None:
    """Raises UsageError where each trial would be several trainings, or a part of one."""
    from netzoo.training.loop.ranks import processes_told

    if len(fixed.scaling.each(network)) > 1:
        raise UsageError(
            f"Settings can't be searched for {', '.join(fixed.fusion)} at once",
            "each fusion is a network of its own",
            f"Name one with {spelled('fusion')}.",
        )
    if processes_told() > 1:
        raise UsageError(
            "Settings can't be searched by several processes",
            f"torchrun started {processes_told()} of them",
            "Call sizewise tune without torchrun.",
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Raises UsageError where another process searches in ``folder``."""
    from engines.store.locks import alone
    from sizewise.core.holding.locks import NoLocksError

    with ExitStack() as held:
        try:
            held.enter_context(alone(folder / "tune.lock", patience_s=0, waits=lambda: None))
        except TimeoutError as error:
            raise UsageError(
                f"{folder} is in use",
                "another process searches there",
                f"Wait for it, or choose another folder with {spelled('out')}.",
            ) from error
        except NoLocksError:  # nor does anybody else get one
            pass
        yield


def _save(search: _Search, study: Study) -> None:
    """The table and the picture, after each trial: they are there whatever happens next."""
    rows, names = study.rows(search.space), [one.name for one in search.space]
    save_rows(rows, search.metric.name, names, search.folder / "tune.csv")
    title = f"{search.network} on {search.data}"
    draw_search(rows, search.metric.title, names, title, search.folder / "tune.png")


def _found(search: _Search, rows: tuple[TrialRow, ...]) -> Tuned:
    best = best_of(rows)
    if best is None:
        raise TrainingError(
            f"None of {len(rows)} trials could be trained to its end",
            next((row.reason for row in rows if row.reason), "all were ended early"),
            f"Search lower values of {spelled('learning_rate')}, into another folder.",
            reason_code="numerics",
        )
    folder = search.folder / best.folder
    files = sorted(folder.glob("*.safetensors"), key=lambda path: (".best." not in path.name, path))
    return Tuned(
        network=search.network,
        metric=search.metric.title,
        folder=search.folder,
        trials=rows,
        best=best,
        options=search.options(best.values),
        checkpoint=str(files[0]) if files else "",
    )


def _remove_states(folder: Path) -> None:
    """What only a training that goes on would need."""
    for pattern in _STATES:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


class _OfTrial:
    """Shows the bar of a trial's training by another label, and leaves out its remarks."""

    def __init__(self, reporter: Reporter, label: str) -> None:
        self._reporter, self._label = reporter, label

    def stage(self, label: str, total: int) -> AbstractContextManager[Stage]:
        del label
        return self._reporter.stage(self._label, total)

    def remark(self, text: str) -> None:
        del text

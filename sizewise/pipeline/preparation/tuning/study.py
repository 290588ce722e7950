"""The trials of a search on file: a SQLite database that Optuna keeps in the search's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sizewise.core import codec
from sizewise.core.errors import InputError, OutputError, SizewiseError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.pipeline.preparation.tuning.rows import State, TrialRow
from sizewise.pipeline.preparation.tuning.space import Dimension

if TYPE_CHECKING:
    import optuna

FILE = "tune.sqlite"
_STUDY, _IDENTITY, _REASON = "sizewise", "identity", "reason"
_OF_THE_DISK = ("full", "readonly", "i/o error", "unable to open", "locked")
_UNPRUNED_TRIALS = 5
"""Trials that are trained to their end before a median says anything."""


def demand_optuna() -> None:
    """Raises InputError where Optuna is not installed."""
    if find_spec("optuna") is None:
        raise InputError(
            "Settings can't be searched",
            "Optuna is not installed",
            "Run: pip install 'sizewise[tune]'.",
        )


@contextmanager
def opened_study(
    folder: Path, identity: Mapping[str, object], *, seed: int, prune_from: int | None
) -> Iterator[Study]:
    """The study in ``folder``, a new one where there is none. ``identity`` is all that makes it
    this search; trials are pruned after so many steps, None: never.

    Raises UsageError for a folder of another search, InputError for a damaged file, and OutputError
    where it can't be written.
    """
    import optuna
    from sqlalchemy import URL
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = folder / FILE
    url = URL.create("sqlite", database=str(path)).render_as_string()
    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    if prune_from is not None:
        pruner = optuna.pruners.MedianPruner(_UNPRUNED_TRIALS, prune_from)
    storage = None
    try:
        storage = _storage(url, path)
        study = optuna.create_study(
            storage=storage,
            study_name=_STUDY,
            direction="maximize",
            pruner=pruner,
            load_if_exists=True,
        )
        _demand_same(study, identity, folder)
        yield Study(study, seed)
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise _refused(path, error) from error
    finally:
        if storage is not None:
            storage.remove_session()
            storage.engine.dispose()


def _storage(url: str, path: Path) -> optuna.storages.RDBStorage:
    """Raises InputError for a file of another version of Optuna."""
    import optuna

    try:
        return optuna.storages.RDBStorage(url)
    except RuntimeError as error:
        raise InputError(
            f"The trials in {path} can't be read",
            str(error).splitlines()[0],
            "Install the version of Optuna that the search began with, or choose another folder "
            f"with {spelled('out')}.",
        ) from error


def _demand_same(study: optuna.Study, identity: Mapping[str, object], folder: Path) -> None:
    """Raises UsageError where the study is of another search."""
    plain = codec.to_plain(identity)
    known = study.user_attrs.get(_IDENTITY)
    if known is None and not study.trials:
        study.set_user_attr(_IDENTITY, plain)
        return
    known = known if isinstance(known, dict) else {}
    if other := [name for name in {**plain, **known} if plain.get(name) != known.get(name)]:
        raise UsageError(
            f"{folder} holds another search",
            f"it differs in: {', '.join(other)}",
            f"Choose another folder with {spelled('out')}, or give the options of that search.",
        )


def _refused(path: Path, error: Exception) -> SizewiseError:
    why = str(getattr(error, "orig", None) or error.__cause__ or error).splitlines()[0]
    if any(said in why.lower() for said in _OF_THE_DISK):
        return OutputError(
            f"{path} can't be written",
            why,
            "Free some space, or check the folder; then the same command goes on.",
        )
    return InputError(
        f"The trials in {path} can't be read",
        why,
        "Restore the file. Or remove it: the search begins anew, and takes trainings that are done "
        "from their folders.",
    )


class Study:
    """The trials of one search. Which values a trial has follows from the ``seed``, its number and
    the trials before it: an interruption changes nothing."""

    def __init__(self, study: optuna.Study, seed: int) -> None:
        self._study, self._seed = study, seed

    def next(self, trials: int) -> Trial | None:
        """The trial that an interruption left open, or else a new one; None after so many."""
        import optuna

        frozen = self._study.get_trials(deepcopy=False)
        running = [t.number for t in frozen if t.state == optuna.trial.TrialState.RUNNING]
        if running:
            storage = self._study._storage
            study_id = storage.get_study_id_from_name(_STUDY)
            number = storage.get_trial_id_from_study_id_trial_number(study_id, running[0])
            return Trial(self._study, optuna.trial.Trial(self._study, number), self._seed)
        if len(frozen) >= trials:
            return None
        return Trial(self._study, self._study.ask(), self._seed)

    def rows(self, space: tuple[Dimension, ...]) -> tuple[TrialRow, ...]:
        """All trials, in order."""
        return tuple(_row(one, space) for one in self._study.get_trials(deepcopy=False))


def _row(frozen: optuna.trial.FrozenTrial, space: tuple[Dimension, ...]) -> TrialRow:
    states: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    scores = frozen.intermediate_values
    complete = frozen.state.name == "COMPLETE"
    return TrialRow(
        number=frozen.number + 1,
        state=states.get(frozen.state.name, "running"),
        score=frozen.value if complete else max(scores.values(), default=None),
        steps=max(scores, default=0),
        values={d.name: d.rounded(frozen.params[d.name]) for d in space if d.name in frozen.params},
        reason=frozen.user_attrs.get(_REASON, ""),
    )


class Trial:
    """One trial that is at work."""

    def __init__(self, study: optuna.Study, trial: optuna.Trial, seed: int) -> None:
        self._study, self._trial, self._seed = study, trial, seed

    @property
    def number(self) -> int:
        """Its place among all, from 1."""
        place: int = self._trial.number
        return place + 1

    def values(self, space: tuple[Dimension, ...]) -> dict[str, float]:
        """The value of each dimension; the same whenever it is asked."""
        return {one.name: self._value(place, one) for place, one in enumerate(space)}

    def _value(self, place: int, one: Dimension) -> float:
        import numpy as np
        import optuna

        # A sampler for each: one that lived as long as the process would begin again with it.
        source = np.random.SeedSequence([self._seed, self.number, place])
        seed = int(source.generate_state(1)[0])
        self._study.sampler = optuna.samplers.TPESampler(seed=seed)
        found = self._trial.suggest_float(one.name, one.low, one.high, log=one.logarithmic)
        return one.rounded(found)

    def report(self, scores: Mapping[int, float]) -> bool:
        """Note the scores by their steps, and say whether the trial should end."""
        known = self._frozen().intermediate_values
        for step in sorted(scores):
            if step not in known:
                self._trial.report(scores[step], step)
        ends: bool = self._trial.should_prune()
        return ends

    def complete(self, score: float) -> None:
        self._study.tell(self._trial, score)

    def prune(self) -> None:
        from optuna.trial import TrialState

        self._study.tell(self._trial, state=TrialState.PRUNED)

    def fail(self, reason: str) -> None:
        from optuna.trial import TrialState

        self._trial.set_user_attr(_REASON, reason)
        self._study.tell(self._trial, state=TrialState.FAIL)

    def _frozen(self) -> Any:
        return self._study.get_trials(deepcopy=False)[self._trial.number]

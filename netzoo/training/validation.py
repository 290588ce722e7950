"""How accurate a network is while it trains, on images that it does not learn from."""

from __future__ import annotations

import copy
import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import Dataset
from netzoo.data.faults import STOP, Fault, Noted
from netzoo.training.average import RunningMean
from netzoo.training.evaluate import evaluate_network
from netzoo.zoo.network import Network, find_network
from sizewise.core.errors import InputError
from sizewise.core.files import written_whole
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size
from sizewise.core.trials import METRICS

_STEPS, _SCORE, _BEST = "steps", "score.", "best."


@dataclass(kw_only=True)
class Validation:
    """The scores of the running mean of the weights on ``data`` at ``size``, every so many steps
    and after the last; and the weights of the best. ``patience`` is how many validations may pass
    without a better one; 0: all. ``keep`` writes the best network so far.
    ``watch`` is told all scores after each validation, and may end the training by an error.
    Where it ``skips``, pictures that can't be read are ``left_out``: neither their objects nor what
    is found in them count. ``faults`` are what was left out when the data were opened."""

    data: Dataset | ClassifiedSet
    size: Size
    every: int
    patience: int = 0
    scores: dict[int, Mapping[str, float]] = field(default_factory=dict)
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    keep: Callable[[Network], None] | None = None
    watch: Callable[[Mapping[int, Mapping[str, float]]], None] | None = None
    skips: bool = False
    faults: Sequence[Fault] = ()
    left_out: tuple[Fault, ...] = ()
    _is_kept: bool = field(default=True, init=False)

    @property
    def without(self) -> tuple[Fault, ...]:
        """All of the data that the scores are without."""
        return (*self.faults, *self.left_out)

    def is_due(self, step: int, last: int) -> bool:
        """Whether it is time after ``step``."""
        return step % self.every == 0 or step == last

    def look(self, step: int, network: Network, mean: RunningMean) -> None:
        """Score the mean of the weights, and keep them where they are the best so far. Raises
        InputError where ``data`` is not what the metrics need, or can't be read as before."""
        looked_at = copy.deepcopy(network)
        mean.copy_to(looked_at)
        noted = Noted()
        faults = noted if self.skips else STOP
        found = evaluate_network(looked_at.eval(), self.data, self.size, faults=faults)
        self._leave_out(tuple(noted.found))
        ranking = ranking_of(network)
        if not self.scores or found[ranking] > max(s[ranking] for s in self.scores.values()):
            self.best_weights = {n: v.clone() for n, v in looked_at.state_dict().items()}
            self._is_kept = False
        self.scores[step] = found
        if self.watch:
            self.watch(self.scores)

    def _leave_out(self, found: tuple[Fault, ...]) -> None:
        """Raises InputError where other pictures were left out before: scores of other pictures say
        nothing of which weights are better."""
        if self.scores and found != self.left_out:
            others = sorted(set(map(str, found)) ^ set(map(str, self.left_out)))
            raise InputError(
                f"{self.data.name} is not what it was at the validation after step "
                f"{max(self.scores)}",
                f"other pictures of it can be read now: {others[0]}",
                f"Put the file back as it was, or train anew in another folder ({spelled('out')}).",
            )
        self.left_out = found

    def best_step(self, network: Network) -> int:
        """The first of those with the highest score."""
        ranking = ranking_of(network)
        return max(self.scores, key=lambda step: (self.scores[step][ranking], -step))

    def has_better(self, network: Network) -> bool:
        """Whether an earlier one scored higher than the last: of equals, the last has learned
        most."""
        ranking = ranking_of(network)
        last = self.scores[max(self.scores)][ranking]
        return any(one[ranking] > last for one in self.scores.values())

    def is_over(self, network: Network) -> bool:
        """Whether patience is lost."""
        if not (self.patience and self.scores):
            return False
        best = self.best_step(network)
        return sum(step > best for step in self.scores) >= self.patience

    def best(self, network: Network) -> Network:
        """A copy of ``network`` with the best weights."""
        found = copy.deepcopy(network)
        found.load_state_dict(self.best_weights)
        return found

    def flush(self, network: Network) -> None:
        """Write the best weights, where they are not yet. Raises OutputError."""
        if self.keep and not self._is_kept:
            self.keep(self.best(network))
            self._is_kept = True

    def state(self) -> dict[str, Tensor]:
        """All that :meth:`restore` takes; nothing before the first validation."""
        if not self.scores:
            return {}
        names = next(iter(self.scores.values()))
        return {
            _STEPS: torch.tensor(list(self.scores)),
            **{
                f"{_SCORE}{name}": torch.tensor(
                    [one[name] for one in self.scores.values()], dtype=torch.float64
                )
                for name in names
            },
            **{f"{_BEST}{name}": value for name, value in self.best_weights.items()},
        }

    def restore(self, state: Mapping[str, Tensor], left_out: Sequence[Fault] = ()) -> None:
        """Go on from a :meth:`state`, with what was ``left_out``."""
        self.left_out = tuple(left_out)
        columns = {n.removeprefix(_SCORE): v.tolist() for n, v in state.items() if _SCORE in n}
        steps = state[_STEPS].tolist() if _STEPS in state else []
        self.scores = {
            step: {name: values[row] for name, values in columns.items()}
            for row, step in enumerate(steps)
        }
        self.best_weights = {
            n.removeprefix(_BEST): v for n, v in state.items() if n.startswith(_BEST)
        }

    def save(self, path: Path) -> None:
        """Save the scores as CSV, a row per validation. Raises OutputError."""
        names = list(next(iter(self.scores.values())))
        with written_whole(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, ["step", *names])
            rows.writeheader()
            rows.writerows({"step": step, **scores} for step, scores in self.scores.items())


def ranking_of(network: Network) -> str:
    """The metric by which networks of a task are ranked."""
    task = find_network(network.config.name).task
    return next(metric.name for metric in METRICS if metric.ranks and metric.task == task)


def read_scores(path: Path) -> dict[int, dict[str, float]]:
    """What :meth:`Validation.save` wrote; empty where it did not, or where it is damaged."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [
                {name: float(text) for name, text in row.items()} for row in csv.DictReader(file)
            ]
        return {int(row.pop("step")): row for row in rows}
    except (OSError, ValueError, TypeError, KeyError, csv.Error):
        return {}

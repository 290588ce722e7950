"""The steps of a training, with all that is looked at and written between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from netzoo.data.faults import STOP, Faults
from netzoo.training.loading.batches import Batch
from netzoo.training.loop.processes import Processes
from netzoo.training.loop.stepping import Stepper, calmer
from netzoo.training.settings import TrainingSettings
from netzoo.training.state import Kept, Training
from netzoo.training.validation import Validation
from netzoo.zoo.network import Network
from sizewise.core.errors import (
    InferenceError,
    InputError,
    OutputError,
    SizewiseError,
    TrainingError,
)
from sizewise.core.progress import Reporter, Stage

NAMED = 20
"""Images that can't be read, as they are named one by one while a training runs."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """The first of several ``processes`` validates and writes for all. ``faults`` stops at images
    that can't be read, or notes them."""

    training: Training
    stepper: Stepper
    settings: TrainingSettings
    kept: Kept | None
    processes: Processes
    faults: Faults = STOP

    def __call__(self, batches: Iterator[Batch], reporter: Reporter) -> Network:
        """Take the steps after those that are done."""
        training, network = self.training, self.training.network
        label, done = f"train {network.config.stem}", training.step
        with reporter.stage(label, self.settings.steps) as stage:
            stage.advance(done)
            try:
                self._steps(batches, stage, reporter)
            except KeyboardInterrupt:
                self._save_now(reporter)
                raise
            except TrainingError as error:
                raise self._with_what_is_kept(error) from error
        training.mean.copy_to(network)
        return network.cpu().eval()

    def _steps(self, batches: Iterator[Batch], stage: Stage, reporter: Reporter) -> None:
        training = self.training
        # Interrupted between a step and its validation, it may be.
        if training.step and self._is_over(reporter):
            return
        pace = self.stepper.pace
        while True:
            pace.begin()
            together = self._loaded(batches, reporter)
            loss = self._step(together, reporter)
            stage.advance(note=f"loss {loss:.3f} at {together[0].size}, {pace}")
            if self._is_over(reporter):
                return
            if self.kept and self.processes.is_first and self.kept.due():
                self._save(self.kept)

    def _step(self, batches: Sequence[Batch], reporter: Reporter) -> float:
        """Take a step, and return its loss. The steps before are kept where it can't be taken,
        unless their numbers are the fault."""
        training = self.training
        try:
            return sum(self.stepper(training.step + 1, batches).values())
        except TrainingError:
            if training.is_finite():
                self._save_now(reporter)
            raise

    def _loaded(self, batches: Iterator[Batch], reporter: Reporter) -> list[Batch]:
        """The batches of a step. The steps before are kept where that can't go on without a
        picture, or a worker ends."""
        try:
            together = list(islice(batches, self.settings.accumulate))
            self._note_skipped(together, reporter)
            return together
        except SizewiseError:
            self._save_now(reporter)
            raise

    def _note_skipped(self, batches: Sequence[Batch], reporter: Reporter) -> None:
        """Name each image that can't be read once. Raises InputError where the training stops at
        it."""
        known = self.training.unreadable
        for one in self.processes.together([one for batch in batches for one in batch.skipped]):
            if one in known:
                continue
            self.faults.refuse(one.kind, one.error())
            known[one] = None
            if len(known) <= NAMED:
                more = "" if len(known) < NAMED else " Further ones are counted."
                reporter.remark(f"Skipped: {one.what}: {one.why}.{more}")

    def _is_over(self, reporter: Reporter) -> bool:
        """Whether the last step is done, or patience is lost; after a validation where one is
        due."""
        step, last = self.training.step, self.settings.steps
        validation, network = self.training.validation, self.training.network
        if validation is None or not validation.is_due(step, last):
            return step == last
        if self.processes.is_first and step not in validation.scores:
            self._look(validation, reporter)
        return step == last or self.processes.of_first(validation.is_over(network))

    def _look(self, validation: Validation, reporter: Reporter) -> None:
        """Raises TrainingError where the mean's outputs are not finite, as a loss may still be: the
        weights, or BatchNorm's statistics, have grown too large."""
        training = self.training
        try:
            validation.look(training.step, training.network, training.mean)
        except InputError:  # a picture that can't be read, or not any more
            self._save_now(reporter)
            raise
        except InferenceError as error:
            raise TrainingError(
                f"Training stopped at the validation after step {training.step}",
                error.why,
                calmer(self.settings),
                reason_code="numerics",
            ) from error

    def _save(self, kept: Kept) -> None:
        kept.save(self.training)
        if self.training.validation:
            self.training.validation.flush(self.training.network)

    def _save_now(self, reporter: Reporter) -> None:
        """Keep what an interruption would lose, if it did not come in the middle of a change."""
        if not (self.kept and self.processes.is_first and self.training.step):
            return
        try:
            if self.training.is_whole:
                self._save(self.kept)
        except OutputError as error:
            reporter.remark(f"The last steps are lost. {error}")

    def _with_what_is_kept(self, error: TrainingError) -> TrainingError:
        """The error with what is on file of this training."""
        if self.training.validation and self.processes.is_first:
            self.training.validation.flush(self.training.network)
        step = self.kept.step() if self.kept else 0
        kept = f" {self.kept.path} has the state after step {step}." if self.kept and step else ""
        return TrainingError(
            error.what, error.why, f"{error.todo}{kept}", reason_code=error.reason_code
        )

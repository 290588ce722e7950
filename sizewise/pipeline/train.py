"""A network and a data set → a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from netzoo.data.faults import Noted, faults_for
from netzoo.data.reading import reading
from netzoo.training.loop.ranks import rank_told
from sizewise.core.errors import InputError, UsageError
from sizewise.core.files import output_folder
from sizewise.core.holding.drafts import clear_drafts_of
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Reporter
from sizewise.pipeline.models.beginning import config_of, fill_in
from sizewise.pipeline.models.earlier import Request, state_of
from sizewise.pipeline.models.left_out import (
    Skipped,
    list_left_out,
    read_left_out,
    say_left_out,
)
from sizewise.pipeline.models.training import Training, TrainOptions
from sizewise.pipeline.models.training_data import (
    Source,
    demand_others,
    open_part,
    open_whole_images,
)

if TYPE_CHECKING:
    from netzoo.data.classified import ClassifiedSet
    from netzoo.data.coco.dataset import Dataset
    from netzoo.training.history import History
    from netzoo.training.logs.files import LogFiles
    from netzoo.training.pretrained import Pretrained
    from netzoo.training.state import Kept
    from netzoo.training.validation import Validation
    from netzoo.weights.checkpoint import Provenance
    from netzoo.zoo.network import Network

Watch = Callable[[Mapping[int, Mapping[str, float]]], None]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A checkpoint, and its scores (0–1) at ``size`` on the validation part of the data.

    Their names are those of ``sizewise evaluate --json``. ``best`` is the checkpoint of the step
    with the highest score, where that is an earlier one, with its own. ``skipped`` are pictures and
    labels that can't be used: of the training, and of the validation, whose scores are without
    them.
    """

    checkpoint: str
    size: str = ""
    scores: Mapping[str, float] | None = None
    best: str = ""
    best_scores: Mapping[str, float] | None = None
    skipped: tuple[Skipped, ...] = ()


def train(
    training: Training,
    data: str,
    *,
    out: Path,
    images: Path | None = None,
    reporter: Reporter = SILENT,
    watch: Watch | None = None,
) -> tuple[Trained, ...]:
    """Train a checkpoint in ``out`` for each fusion; one of the same data and settings is reused.
    ``images`` is the folder of the pictures, where annotations lie elsewhere. ``watch`` is told all
    scores after each validation, by their steps, and may end the training by an error.

    Raises UsageError, InputError, OutputError and TrainingError.
    """
    training.check()
    folder = output_folder(out)
    if rank_told():  # several processes speak by their first
        reporter = SILENT
    paths = train_checkpoints(training, data, folder, reporter, images, watch=watch)
    return tuple(map(_trained, training.each(), paths))


def train_checkpoints(
    training: Training,
    source: str,
    out: Path,
    reporter: Reporter = SILENT,
    images: Path | None = None,
    *,
    watch: Watch | None = None,
) -> tuple[Path, ...]:
    """Train a checkpoint for each fusion and return their paths; one of the same data and settings
    is reused. Whatever refuses one of them does so before the first begins."""
    where = Source(source, images)
    prepared = [_prepared(one, where, out, reporter) for one in training.each()]
    return tuple(_train(one, reporter, watch) for one in prepared)


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """A training that may begin; without ``kept``, its checkpoint is there already."""

    training: Training
    request: Request
    start: Pretrained | None
    classified: ClassifiedSet | None
    validation: Validation | None = None
    kept: Kept | None = None
    faults: Noted


def _prepared(training: Training, source: Source, out: Path, reporter: Reporter) -> _Prepared:
    from netzoo.training.pretrained import open_pretrained
    from netzoo.training.trainer import TRAINER
    from netzoo.weights.cfg import read_heads
    from netzoo.weights.checkpoint import Provenance
    from netzoo.zoo.network import find_network

    entry, options = find_network(training.network), training.options
    _demand_logs(options)
    faults = faults_for(strict=options.strict)
    data = open_part(entry, source, "train", reporter, faults)
    settings = training.settings_for(len(data.images))
    classified = open_whole_images(training, reporter, faults)
    heads = read_heads(options.cfg) if options.cfg else None
    start = open_pretrained(options.weights, entry, heads) if options.weights else None
    config = config_of(training, data, start, heads, reporter)
    provenance = Provenance(
        settings=settings,
        data=data.name,
        data_sha256=data.sha256,
        weights_sha256=start.sha256 if start else "",
        classified_sha256=classified.sha256 if classified else "",
        backbone_sha256=_sha256(options.backbone_weights),
        trainer=TRAINER,
        cfg_sha256=_sha256(options.cfg),
    )
    path = out / f"{config.stem}.safetensors"
    request = Request(path=path, config=config, provenance=provenance, data=data, settings=settings)
    found = _Prepared(
        training=training, request=request, start=start, classified=classified, faults=faults
    )
    if not request.is_done(reporter):
        validation = _validation(training, source, data, reporter)
        kept = state_of(path, config, provenance, validation)
        request.demand_place(kept, reporter, may_replace=options.replace)
        found = replace(found, validation=validation, kept=kept)
    _draw_batches(options.draw_batches, found, reporter)
    return found


def _train(prepared: _Prepared, reporter: Reporter, watch: Watch | None) -> Path:
    """Train, and return the path of the checkpoint."""
    from netzoo.training.logs.files import METRICS, LogFiles
    from netzoo.training.trainer import train as train_network
    from netzoo.weights.checkpoint import save_checkpoint

    request, kept, validation = prepared.request, prepared.kept, prepared.validation
    path, provenance, images = request.path, request.provenance, len(request.data.images)
    options = prepared.training.options
    if kept is None:
        return path
    with _history(prepared.training, path, validation, images) as history:
        logs = LogFiles(path, history, validation)
        if validation and not rank_told():
            validation.keep = partial(save_checkpoint, _best_so_far(path), provenance=provenance)
            validation.watch = partial(_follow, logs, validation, reporter, watch)
        network = train_network(
            request.config,
            request.data,
            request.settings,
            reporter,
            start=lambda new: fill_in(
                new,
                prepared.start,
                options.backbone_weights,
                reporter,
                strict=options.strict,
            ),
            classified=prepared.classified,
            history=history,
            kept=kept,
            validation=validation,
            workers=prepared.training.workers(request.settings),
            faults=prepared.faults,
        )
    if rank_told():  # the first process writes
        return path
    # The checkpoint last: where it is up to date, nothing is written again.
    logs.write()
    _save_validation(path, network, provenance, validation)
    list_left_out(path, prepared.faults.found, validation, reporter)
    save_checkpoint(path, network, provenance)
    kept.remove()
    reporter.remark(f"Final loss, weighted: {history.summary()} (all steps: {path.stem}{METRICS}).")
    _say_of_anchors(request, network, reporter)
    return path


def _say_of_anchors(request: Request, network: Network, reporter: Reporter) -> None:
    from netzoo.zoo.network import find_network

    published = find_network(request.config.name).anchors
    if published and not request.config.anchors and network.config.anchors == published:
        reporter.remark(
            "The data has too few box shapes to fit anchors: the published anchors are used."
        )


def _follow(
    logs: LogFiles,
    validation: Validation,
    reporter: Reporter,
    watch: Watch | None,
    scores: Mapping[int, Mapping[str, float]],
) -> None:
    """What a validation is followed by."""
    logs.follow()
    if len(scores) == 1:  # all of them leave the same out
        say_left_out(validation.data.name, validation.left_out, reporter)
    if watch:
        watch(scores)


def _draw_batches(asked: int, prepared: _Prepared, reporter: Reporter) -> None:
    """Draw the first batches of a training, or as many as it has, and say which."""
    from netzoo.training.logs.batches import draw_first_batches

    request = prepared.request
    if not asked or rank_told():
        return
    drawn = draw_first_batches(
        asked,
        request.config,
        request.data,
        request.settings,
        (request.path.with_suffix(f".batch{number}.png") for number in count(1)),
        classified=prepared.classified,
        skips=prepared.faults.skips,
    )
    last = f" to {drawn[-1].name}" if len(drawn) > 1 else ""
    of = f" ({asked} were asked for: the training has no more)" if len(drawn) < asked else ""
    batches = "1 batch is" if len(drawn) == 1 else f"{len(drawn)} batches are"
    reporter.remark(f"{batches} drawn in {drawn[0]}{last}{of}.")


def _demand_logs(options: TrainOptions) -> None:
    """Raises InputError before the training where its logs can't be written."""
    if options.tensorboard:
        from netzoo.training.logs.tensorboard import demand_tensorboard

        demand_tensorboard()


@contextmanager
def _history(
    training: Training, path: Path, validation: Validation | None, epoch_images: int
) -> Iterator[History]:
    """The history of a training, which TensorBoard may follow."""
    from netzoo.training.history import History

    if rank_told() or not training.options.tensorboard:
        yield History(epoch_images)
        return
    from netzoo.training.logs.tensorboard import TensorBoardHistory

    history = TensorBoardHistory(path.with_suffix(".tensorboard"), validation, epoch_images)
    try:
        yield history
    finally:
        history.close()


def _validation(
    training: Training, source: Source, data: Dataset | ClassifiedSet, reporter: Reporter
) -> Validation | None:
    """On the validation part of the data, where there is one: training goes on without. Raises
    UsageError where it would have patience then; InputError where something in the part can't be
    used, and nothing is to be skipped."""
    from netzoo.data.faults import Strict
    from netzoo.training.validation import Validation
    from netzoo.zoo.network import find_network

    every, settings = training.validate_every(len(data.images)), training.settings
    if not every:
        return None
    entry, faults, strict = find_network(training.network), Noted(), training.options.strict
    try:
        others = open_part(entry, source, "val", reporter, faults)
        demand_others(others, data)
    except InputError as error:
        if strict and faults.found:
            raise
        if patience := training.options.patience:
            raise UsageError(
                f"{spelled('patience')} {patience} has no effect",
                f"nothing can be validated ({error.what}: {error.why})",
                f"Leave it out. Or: {error.todo}",
            ) from error
        reporter.remark(f"Not evaluated. {error}")
        return None
    if strict and faults.found:
        open_part(entry, source, "val", SILENT, Strict())  # raises what was noted first
    return Validation(
        data=others,
        size=max(settings.sizes, key=lambda size: size.pixels),
        every=every,
        patience=settings.patience,
        skips=not strict,
        faults=faults.found,
    )


def demand_validated(
    training: Training, data: str, *, images: Path | None = None, reporter: Reporter = SILENT
) -> tuple[Dataset | ClassifiedSet, Dataset | ClassifiedSet]:
    """Both parts of the data. Raises InputError where there is nothing to score a training on, and
    UsageError where it is not scored."""
    from netzoo.zoo.network import find_network

    if not training.options.validate_every:
        raise UsageError(
            f"{spelled('validate_every')} can't be 0 here",
            "trainings are compared by the scores of their validations",
            "Leave it out for one each epoch.",
        )
    entry, source = find_network(training.network), Source(data, images)
    strict = training.options.strict
    own = open_part(entry, source, "train", reporter, faults_for(strict=strict))
    others = open_part(entry, source, "val", reporter, faults_for(strict=strict))
    demand_others(others, own)
    return own, others


def _save_validation(
    path: Path, network: Network, provenance: Provenance, validation: Validation | None
) -> None:
    """The scores, and the best weights where they are of an earlier step; what another training
    left there is removed."""
    from netzoo.weights.checkpoint import save_checkpoint

    scores, best = _scores_beside(path), _best_beside(path)
    for stale in (scores, best, _best_so_far(path)):
        stale.unlink(missing_ok=True)
        clear_drafts_of(stale)
    if validation is None:
        return
    if validation.has_better(network):
        save_checkpoint(best, validation.best(network), provenance)
    validation.save(scores)


def _scores_beside(path: Path) -> Path:
    return path.with_suffix(".validation.csv")


def _best_beside(path: Path) -> Path:
    return path.with_suffix(".best.safetensors")


def _best_so_far(path: Path) -> Path:
    """Where the best weights are until the training is done: those of another one stay so long."""
    return path.with_suffix(".training.best.safetensors")


def _trained(training: Training, path: Path) -> Trained:
    """The checkpoint with the scores that stand beside it."""
    from netzoo.training.validation import read_scores
    from sizewise.core.trials import METRICS

    scores = read_scores(_scores_beside(path))
    found = Trained(checkpoint=str(path), skipped=read_left_out(path))
    if not scores:
        return found
    size = max(training.settings.sizes, key=lambda size: size.pixels)
    found = replace(found, size=str(size), scores=scores[max(scores)])
    if not _best_beside(path).exists():
        return found
    ranking = next(m.name for m in METRICS if m.ranks and m.name in scores[max(scores)])
    best = max(scores.values(), key=lambda one: one[ranking])
    return replace(found, best=str(_best_beside(path)), best_scores=best)


def _sha256(path: Path | None) -> str:
    """The hash of a file, empty without one. Raises InputError where it can't be read."""
    if path is None:
        return ""
    with reading(path):
        return sha256_of(path)

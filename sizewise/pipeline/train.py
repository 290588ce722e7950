"""A network and a data set → a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, count
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from netzoo.data.reading import reading
from netzoo.training.loop.ranks import rank_told
from sizewise.core import codec
from sizewise.core.errors import InputError, UsageError
from sizewise.core.files import output_folder
from sizewise.core.holding.drafts import clear_drafts_of
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Reporter
from sizewise.pipeline.models.beginning import config_of, fill_in
from sizewise.pipeline.models.training import Training, TrainOptions

if TYPE_CHECKING:
    from netzoo.data.classified import ClassifiedSet
    from netzoo.data.coco.dataset import Dataset
    from netzoo.data.coco.folders import Split
    from netzoo.training.history import History
    from netzoo.training.settings import TrainingSettings
    from netzoo.training.state import Kept
    from netzoo.training.validation import Validation
    from netzoo.weights.checkpoint import Provenance
    from netzoo.zoo.config import NetworkConfig
    from netzoo.zoo.network import Network, NetworkEntry

_ANCHOR_ROUNDING = 0.01
"""Another machine may round sums otherwise, as a share."""
Watch = Callable[[Mapping[int, Mapping[str, float]]], None]
_LATER = {"multiscale.by_class": False, "settings.gains": None}
"""Fields that came after the first states were written, with what stands for their absence."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A checkpoint, and its scores (0–1) at ``size`` on the validation part of the data.

    Their names are those of ``sizewise evaluate --json``. ``best`` is the checkpoint of the step
    with the highest score, where that is an earlier one, with its own.
    """

    checkpoint: str
    size: str = ""
    scores: Mapping[str, float] | None = None
    best: str = ""
    best_scores: Mapping[str, float] | None = None


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
    return tuple(
        _trained(one, train_checkpoint(one, data, folder, reporter, images, watch=watch))
        for one in training.each()
    )


def train_checkpoint(
    training: Training,
    source: str,
    out: Path,
    reporter: Reporter = SILENT,
    images: Path | None = None,
    *,
    watch: Watch | None = None,
) -> Path:
    """Train one checkpoint and return its path; one of the same data and settings is reused."""
    from netzoo.training.logs.batches import draw_first_batches
    from netzoo.training.logs.curves import save_curves
    from netzoo.training.pretrained import open_pretrained
    from netzoo.training.trainer import TRAINER
    from netzoo.training.trainer import train as train_network
    from netzoo.weights.cfg import read_heads
    from netzoo.weights.checkpoint import Provenance, save_checkpoint
    from netzoo.zoo.network import find_network

    entry, options = find_network(training.network), training.options
    _demand_logs(options)
    data = _open(entry, _Source(source, images), "train", reporter)
    settings = training.settings_for(len(data.images))
    classified = _open_classified(training, reporter)
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
    if options.draw_batches and not rank_told():
        drawn = draw_first_batches(
            options.draw_batches,
            config,
            data,
            settings,
            (path.with_suffix(f".batch{number}.png") for number in count(1)),
            classified=classified,
        )
        reporter.remark(f"Batches are drawn in {', '.join(map(str, drawn))}.")
    if _is_there(path, config, provenance, data, settings, reporter=reporter):
        return path
    validation = _validation(training, _Source(source, images), data, reporter)
    if validation:
        validation.watch = watch
        validation.keep = partial(save_checkpoint, _best_so_far(path), provenance=provenance)
    kept = _kept(path, config, provenance, validation)
    _say_where_it_begins(kept, reporter)
    with _history(training, path, validation) as history:
        network = train_network(
            config,
            data,
            settings,
            reporter,
            start=lambda new: fill_in(
                new, start, options.backbone_weights, reporter, strict=options.strict
            ),
            classified=classified,
            history=history,
            kept=kept,
            validation=validation,
        )
    if rank_told():  # the first process writes
        return path
    # The checkpoint last: where it is up to date, nothing is written again.
    history.save(path.with_suffix(".losses.csv"))
    scores = validation.scores if validation else {}
    save_curves(history.rows, scores, path.stem, path.with_suffix(".training.png"))
    _save_validation(path, network, provenance, validation)
    save_checkpoint(path, network, provenance)
    kept.remove()
    reporter.remark(
        f"Final loss, weighted: {history.summary()} (all steps: {path.stem}.losses.csv)."
    )
    if entry.anchors and not config.anchors and network.config.anchors == entry.anchors:
        reporter.remark(
            "The data has too few box shapes to fit anchors: the published anchors are used."
        )
    return path


def _is_there(
    path: Path,
    config: NetworkConfig,
    provenance: Provenance,
    data: Dataset | ClassifiedSet,
    settings: TrainingSettings,
    *,
    reporter: Reporter,
) -> bool:
    """Whether the checkpoint of this very training is there; another one is said to be replaced."""
    if not path.exists():
        return False
    if _is_of(path, config, provenance) and _is_fitted(path, config, data, settings):
        reporter.remark(
            f"{path} is up to date with these settings and this data: not trained again."
        )
        return True
    reporter.remark(f"{path} has other settings or data: it is trained anew and replaced.")
    return False


def _say_where_it_begins(kept: Kept, reporter: Reporter) -> None:
    if done := kept.step():
        reporter.remark(f"{kept.path} is of this training: it goes on after step {done}.")
    elif why := kept.refusal():
        reporter.remark(f"{kept.path} {why}: training begins anew, and replaces it.")


def _demand_logs(options: TrainOptions) -> None:
    """Raises InputError before the training where its logs can't be written."""
    if options.tensorboard:
        from netzoo.training.logs.tensorboard import demand_tensorboard

        demand_tensorboard()


@contextmanager
def _history(training: Training, path: Path, validation: Validation | None) -> Iterator[History]:
    """The history of a training, which TensorBoard may follow."""
    from netzoo.training.history import History

    if rank_told() or not training.options.tensorboard:
        yield History()
        return
    from netzoo.training.logs.tensorboard import TensorBoardHistory

    history = TensorBoardHistory(path.with_suffix(".tensorboard"), validation)
    try:
        yield history
    finally:
        history.close()


def _validation(
    training: Training, source: _Source, data: Dataset | ClassifiedSet, reporter: Reporter
) -> Validation | None:
    """On the validation part of the data, where there is one: training goes on without."""
    from netzoo.training.validation import Validation
    from netzoo.zoo.network import find_network

    every, settings = training.validate_every(len(data.images)), training.settings
    if not every:
        return None
    try:
        others = _open(find_network(training.network), source, "val", reporter)
        _demand_others(others, data)
    except InputError as error:
        reporter.remark(f"Not evaluated. {error}")
        return None
    size = max(settings.sizes, key=lambda size: size.pixels)
    return Validation(data=others, size=size, every=every, patience=settings.patience)


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
    entry, source = find_network(training.network), _Source(data, images)
    own = _open(entry, source, "train", reporter)
    others = _open(entry, source, "val", reporter)
    _demand_others(others, own)
    return own, others


def _demand_others(others: Dataset | ClassifiedSet, data: Dataset | ClassifiedSet) -> None:
    """Raises InputError where ``others`` are no images, or those that are trained on."""
    if others.images and others.sha256 != data.sha256:
        return
    raise InputError(
        f"{others.name} says nothing of the accuracy on other pictures",
        "the network is trained on just these" if others.images else "it has no images",
        "Give a folder with train.json and val.json.",
    )


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
    if not scores:
        return Trained(checkpoint=str(path))
    size = max(training.settings.sizes, key=lambda size: size.pixels)
    found = Trained(checkpoint=str(path), size=str(size), scores=scores[max(scores)])
    if not _best_beside(path).exists():
        return found
    ranking = next(m.name for m in METRICS if m.ranks and m.name in scores[max(scores)])
    best = max(scores.values(), key=lambda one: one[ranking])
    return replace(found, best=str(_best_beside(path)), best_scores=best)


def _kept(
    path: Path, config: NetworkConfig, provenance: Provenance, validation: Validation | None
) -> Kept:
    """Where the training of a checkpoint keeps its state, beside it."""
    from netzoo.training.state import Kept

    validated = (validation.data.sha256, validation.every) if validation else ()
    whole = (config, _on_any_cores(provenance), validated)
    identity = codec.to_json_without(whole, _LATER)
    return Kept(path.with_suffix(".training.safetensors"), identity)


def _on_any_cores(provenance: Provenance) -> Provenance:
    """Without the number of threads, which says how fast and not what a network learns."""
    settings = provenance.settings
    return replace(provenance, settings=replace(settings, threads=1)) if settings else provenance


def _sha256(path: Path | None) -> str:
    """The hash of a file, empty without one. Raises InputError where it can't be read."""
    if path is None:
        return ""
    with reading(path):
        return sha256_of(path)


class _Source(NamedTuple):
    """A source of data, and the folder of its pictures where a user names it."""

    data: str
    images: Path | None


def _open(
    entry: NetworkEntry, source: _Source, split: Split, reporter: Reporter
) -> Dataset | ClassifiedSet:
    from netzoo.tasks.registry import find_task

    task = find_task(entry.task)
    return task.open_data(source.data, split, reporter, images=source.images)


def _open_classified(training: Training, reporter: Reporter) -> ClassifiedSet | None:
    """The classified images of the loss joint. Raises UsageError where they are missing."""
    from netzoo.data.classified import open_classified
    from netzoo.training.joint import JOINT

    if training.options.classification_data:
        return open_classified(training.options.classification_data, "train", progress=reporter)
    if training.settings.loss == JOINT:
        raise UsageError(
            f"{training.network} can't be trained with the loss {JOINT} on boxes alone",
            "it learns from classified images at the same time",
            f"Give {spelled('classification_data')} too, or choose another loss.",
        )
    return None


def _is_of(path: Path, config: NetworkConfig, provenance: Provenance) -> bool:
    """Whether a checkpoint is of just this training (which chooses anchors and decoding)."""
    from netzoo.weights.checkpoint import read_header

    try:
        header = read_header(path)
    except InputError:
        return False
    # With anchors that are given, the masks are, too.
    masks = header.config.masks if config.anchors else config.masks
    requested = replace(
        header.config, anchors=config.anchors, masks=masks, decoding=config.decoding
    )
    found = _on_any_cores(header.provenance)
    return (requested, found) == (config, _on_any_cores(provenance))


def _is_fitted(
    path: Path,
    config: NetworkConfig,
    data: Dataset | ClassifiedSet,
    settings: TrainingSettings,
) -> bool:
    """Whether a checkpoint has the anchors that are given or, without, those that are fitted: it
    does not say which of these its own are."""
    from netzoo.data.classified import ClassifiedSet
    from netzoo.training.anchors import fit_anchors
    from netzoo.weights.checkpoint import read_header
    from netzoo.zoo.network import find_network, keeps_shape

    published = find_network(config.name).anchors
    if not published or isinstance(data, ClassifiedSet):
        return True
    expected = config.anchors or fit_anchors(
        data, settings.sizes, published, settings.seed, keep_shape=keeps_shape(config)
    )
    wanted, found = list(chain(*expected)), list(chain(*read_header(path).config.anchors))
    return len(wanted) == len(found) and all(
        isclose(one, other, rel_tol=_ANCHOR_ROUNDING)
        for one, other in zip(wanted, found, strict=True)
    )

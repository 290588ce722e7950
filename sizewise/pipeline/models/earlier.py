"""What an earlier training left in a folder: the same one, which is done or goes on, or another,
which is replaced only where the user says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from itertools import chain
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sizewise.core import codec
from sizewise.core.errors import InputError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import Reporter

if TYPE_CHECKING:
    from netzoo.data.classified import ClassifiedSet
    from netzoo.data.coco.dataset import Dataset
    from netzoo.training.settings import TrainingSettings
    from netzoo.training.state import Kept
    from netzoo.training.validation import Validation
    from netzoo.weights.checkpoint import Provenance
    from netzoo.zoo.config import NetworkConfig

_ANCHOR_ROUNDING = 0.01
"""Another machine may round sums otherwise, as a share."""
_LISTED = 4
"""Changes that an error lists."""
_AUGMENTATION = "augmentation"
_OPTIONS: Mapping[str, str] = {
    "batch_size": "batch",
    "level": "fixed_batch",
    "final_steps": "final_epochs",
    "weights": "scale_weights",
    "masks": "anchors",
    "letterbox": "fit",
    "decoding": "loss",
    "backbones": "backbone",
    "data_sha256": "data",
    "weights_sha256": "weights",
    "classified_sha256": "classification_data",
    "backbone_sha256": "backbone_weights",
    "cfg_sha256": "cfg",
    _AUGMENTATION: "augment",
}
"""Options by the fields that they set, where these are called otherwise."""
_LATER = {
    **{"multiscale.by_class": False, "settings.gains.answer_iou": None, "settings.gains": None},
    **{"cfg_sha256": "", "darknet": ()},
}
"""Fields that came after the first states were written, with what stands for their absence."""
_UNTOLD = ("threads", "data")
"""How fast a training is, and what its data are called."""
_TELLING = (
    *("width", "depth", "steps", "batch_size", "seed", "loss", "learning_rate", "weight_decay"),
    *("warmup_steps", "gradient_norm", "ema_decay", "optimizer", "momentum", "accumulate"),
    *("arithmetic", "size_every", "patience", "device"),
)
"""Fields whose values are those of their options."""
_SAID = {
    "trainer": "sizewise itself draws other images since then",
    "processes": "it was shared by another number of processes",
    "classes": "the data have other classes",
    "validated": "validations come at other steps, or on other data",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """The training that is asked for, and its checkpoint's ``path``."""

    path: Path
    config: NetworkConfig
    provenance: Provenance
    data: Dataset | ClassifiedSet
    settings: TrainingSettings

    def is_done(self, reporter: Reporter) -> bool:
        """Whether the checkpoint of this very training is there, which is said."""
        if not self.path.exists() or self._changes:
            return False
        reporter.remark(
            f"{self.path} is up to date with these settings and this data: not trained again."
        )
        return True

    def demand_place(self, kept: Kept, reporter: Reporter, *, may_replace: bool) -> None:
        """Say where the training begins. Raises UsageError where another one is in its place, and
        it may not replace that."""
        done = kept.step()
        if done:
            reporter.remark(f"{kept.path} is of this training: it goes on after step {done}.")
            return
        of_others = {
            self.path: self._changes if self.path.exists() else [],
            kept.path: list(_changes_of_state(kept)),
        }
        for path, changes in of_others.items():
            if changes and not may_replace:
                raise _refusal(path, changes)
            if changes:
                reporter.remark(
                    f"{path} has other settings or data: it is trained anew and replaced."
                )
        if why := kept.damage():
            reporter.remark(f"{kept.path} {why}: training begins anew, and replaces it.")

    @cached_property
    def _changes(self) -> list[str]:
        """What differs from the checkpoint that is there, which chooses anchors and decoding."""
        from netzoo.weights.checkpoint import read_header

        try:
            header = read_header(self.path)
        except InputError as error:
            return [error.why]
        # With anchors that are given, the masks are, too.
        masks = header.config.masks if self.config.anchors else self.config.masks
        found = replace(
            header.config,
            anchors=self.config.anchors,
            masks=masks,
            decoding=self.config.decoding,
        )
        changes = [
            *_changes(found, self.config),
            *_changes(header.provenance, self.provenance),
        ]
        if changes or self._is_fitted(header.config):
            return changes
        return [f"{spelled('anchors')} has changed"]

    def _is_fitted(self, found: NetworkConfig) -> bool:
        """Whether a checkpoint has the anchors that are given or, without, those that are fitted:
        it does not say which of these its own are."""
        from netzoo.data.classified import ClassifiedSet
        from netzoo.training.anchors import fit_anchors
        from netzoo.zoo.network import find_network, keeps_shape

        config, settings = self.config, self.settings
        published = find_network(config.name).anchors
        if not published or isinstance(self.data, ClassifiedSet):
            return True
        expected = config.anchors or fit_anchors(
            self.data, settings.sizes, published, settings.seed, keep_shape=keeps_shape(config)
        )
        wanted, own = list(chain(*expected)), list(chain(*found.anchors))
        return len(wanted) == len(own) and all(
            isclose(one, other, rel_tol=_ANCHOR_ROUNDING)
            for one, other in zip(wanted, own, strict=True)
        )


def state_of(
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


def _refusal(path: Path, changes: list[str]) -> UsageError:
    more = f"; and {len(changes) - _LISTED} more" if len(changes) > _LISTED else ""
    return UsageError(
        f"{path} is of another training",
        f"{'; '.join(changes[:_LISTED])}{more}",
        f"Give {spelled('replace')} to train anew in its place, or another folder with "
        f"{spelled('out')}.",
    )


def _changes_of_state(kept: Kept) -> Iterator[str]:
    """What differs from the training whose state is there; nothing without one that can be read."""
    from netzoo.weights.checkpoint import Provenance
    from netzoo.zoo.config import NetworkConfig

    if (identity := kept.other_identity()) is None:
        return
    kind: Any = tuple[NetworkConfig, Provenance, tuple[str | int, ...]]
    try:
        found = codec.from_json(identity, kind)
        wanted = codec.from_json(kept.identity, kind)
    except ValueError as error:  # of another version
        yield str(error)
        return
    yield from _changes(found[0], wanted[0])
    yield from _changes(found[1], wanted[1])
    if found[2] != wanted[2]:
        yield _SAID["validated"]


def _changes(found: Any, wanted: Any) -> Iterator[str]:
    """Each option that has another value in the second of two dataclasses, in words."""
    for name in (field.name for field in fields(wanted)):
        one, other = getattr(found, name), getattr(wanted, name)
        if one == other or name in _UNTOLD:
            continue
        kind = type(one or other)
        if not is_dataclass(kind) or (name == _AUGMENTATION and None in (one, other)):
            yield _change(name, one, other)
        else:  # where there is none, all of it is at its defaults
            yield from _changes(one or kind(), other or kind())


def _change(name: str, one: object, other: object) -> str:
    if name in _SAID:
        return _SAID[name]
    option = spelled(_OPTIONS.get(name, name))
    if name == "steps":  # which --epochs stands for
        option += f" ({spelled('epochs')})"
    if name in _TELLING and one != "":
        return f"{option} was {one} and is {other} now"
    return f"{option} has changed"

"""What a module's outputs mean: their names, the task and the layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exporter.checks.probes import Probe
from netzoo.tasks.registry import task_of_layout, tasks
from netzoo.tasks.task import Task
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size, TaskName

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

BATCH = 2
"""Images in a batch that a module is run with to see what it gives."""
OURS, UNKNOWN = "sizewise", "unknown"
"""The layout of our own networks, and that of which nothing is said."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """The names of the outputs, in order, the task and the layout, and what is doubtful of it."""

    names: tuple[str, ...]
    task: TaskName
    layout: str
    remarks: tuple[str, ...] = ()


def form_of(output: object, size: Size) -> tuple[tuple[str, ...], str]:
    """The names of what a module gave for a batch of ``size``, and the task by shapes alone: at
    every size that it takes, it is the same. Raises ExportError where it is not tensors."""
    from exporter.modules.outputs import named_tensors

    tensors = named_tensors(output)
    task = _recognised(tensors, size)
    return tuple(tensors), task.name if task else ""


def meaning_of(output: object, size: Size, *, layout: str, names: tuple[str, ...]) -> Meaning:
    """What a module gave for images [BATCH, 3, H, W] of ``size`` means.

    ``layout`` is what the user says it is, ``names`` are those that the module declares; either may
    be empty. Then outputs are taken for those of a task of ours where their shapes and values may
    be, and their names are, or where they have none but their places. Raises UsageError for a
    layout that there is not.
    """
    from exporter.modules.outputs import has_keys, named_tensors

    tensors = named_tensors(output)
    keys = names or tuple(tensors)
    if len(names) == len(tensors):
        tensors = dict(zip(names, tensors.values(), strict=True))
    named = bool(names) or has_keys(output)
    task = _recognised(tensors, size) if layout in ("", OURS) else None
    if task is None or (named and set(keys) != set(task.output_names)):
        return _foreign(keys, layout)
    values = [_array(one) for one in _in_order(tensors, task)]
    if not layout and (why := task.contradiction(values)):
        return Meaning(
            names=keys,
            task=UNKNOWN,
            layout=UNKNOWN,
            remarks=(
                f"{' and '.join(keys)} have the shapes of {' and '.join(task.output_names)} in the "
                f"layout {OURS}, but not the values: {why}. What they mean was left open. If they "
                f"have it all the same, give {spelled('layout')} {OURS}.",
            ),
        )
    doubt = "" if named or layout else task.doubt(values)
    return Meaning(
        names=keys if named else task.output_names,
        task=task.name,
        layout=OURS,
        remarks=(doubt,) if doubt else (),
    )


def _foreign(names: tuple[str, ...], layout: str) -> Meaning:
    known = layout not in ("", UNKNOWN)
    task = task_of_layout(layout).name if known else UNKNOWN
    return Meaning(names=names, task=task, layout=layout or UNKNOWN)


def _recognised(tensors: Mapping[str, Tensor], size: Size) -> Task | None:
    """The task whose networks have outputs of these shapes, if there is one."""
    batch = Probe(batch_size=BATCH, size=size)
    for task in tasks().values():
        shapes = [tuple(one.shape) for one in _in_order(tensors, task)]
        if task.recognises(shapes, batch):
            return task
    return None


def _in_order(tensors: Mapping[str, Tensor], task: Task) -> Sequence[Tensor]:
    """The tensors in the order of the task's outputs where they have their names."""
    own = set(tensors) == set(task.output_names)
    return [tensors[name] for name in (task.output_names if own else tensors)]


def _array(tensor: Tensor) -> NDArray[Any]:
    values: NDArray[Any] = tensor.detach().double().numpy()
    return values

"""The tasks there are: one file of ``netzoo.tasks.kinds`` each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netzoo.tasks.task import Task
from sizewise.core.discover import Registry, choose
from sizewise.core.options.declared import spelled
from sizewise.core.specs import ImageInput, ModelCard, TensorSpec

_TASKS: Registry[Task] = Registry("task", "netzoo.tasks.kinds", "TASKS")


def tasks() -> Mapping[str, Task]:
    """All tasks, by name."""
    return _TASKS.all()


def find_task(name: str) -> Task:
    """The task called ``name``. Raises UsageError, which lists the tasks there are."""
    return _TASKS.find(name)


def task_of(card: ModelCard) -> Task | None:
    """The task of a model, or None where its file does not say one that there is. Others are not
    imported: they take pictures and their data along."""
    return None if card.task == "unknown" else _TASKS.get(card.task)


def task_of_layout(layout: str) -> Task:
    """The task whose models have outputs of ``layout``. Raises UsageError, which lists the layouts
    there are."""
    by_layout = {name: task for task in tasks().values() for name in task.layouts}
    return by_layout[choose("layout", layout, by_layout)]


def name_a_layout(
    outputs: Sequence[TensorSpec], image: ImageInput | None = None, *, to_predict: bool = False
) -> str:
    """What to do where a file does not say what its ``outputs`` mean; the layouts that their shapes
    fit, beside that of the input ``image``, are proposed. With ``to_predict``, only tasks whose
    models predict count."""
    readers = _readers(to_predict=to_predict)
    listed = "; ".join(f"for {task.name} {', '.join(task.layouts)}" for task in readers)
    fitting = _fitting(readers, outputs, image)
    proposed = f" By their shapes they may be {' or '.join(fitting)}." if fitting else ""
    return f"Name their layout with {spelled('layout')}: {listed}.{proposed}"


def propose_a_layout(name: str, outputs: Sequence[TensorSpec], image: ImageInput) -> str:
    """A remark on the model ``name`` whose ``outputs`` nobody explained: the layouts that fit their
    shapes; empty where there is none."""
    fitting = _fitting(_readers(to_predict=False), outputs, image)
    if not fitting:
        return ""
    options = " or ".join(f"{spelled('layout')} {layout}" for layout in fitting)
    return (
        f"What the outputs of {name} mean was left open ({', '.join(map(str, outputs))}). By their "
        f"shapes, {options} may be right: then accuracy can be measured. docs/models.md says what "
        "each layout is."
    )


def _readers(*, to_predict: bool) -> list[Task]:
    return [task for task in tasks().values() if task.predicts or not to_predict]


def _fitting(
    readers: Sequence[Task], outputs: Sequence[TensorSpec], image: ImageInput | None
) -> list[str]:
    return [layout for task in readers for layout in task.fitting_layouts(outputs, image)]

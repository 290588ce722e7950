"""The user's own modules: a ``torch.nn.Module`` object, or a function that makes one."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from exporter.diagnosis.places import place_of
from netzoo.tasks.registry import task_of_layout, tasks
from sizewise.core.errors import InputError, SizewiseError, UsageError
from sizewise.core.files import demand_file
from sizewise.core.options import spelled
from sizewise.core.specs import FurtherInput, ModelCard, SaidInput, Size, TaskName

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")

_BATCH = 2
_CONTRACT = "It is called without arguments and must return a torch.nn.Module."


@dataclass(frozen=True)
class Source:
    """A module to export, its card, and the names of its outputs.

    What was found by running the module may differ for what is exported: ``stride_found`` and
    ``smallest_found`` say that nobody said so. ``further`` are its inputs behind the images.
    """

    module: nn.Module
    card: ModelCard
    output_names: tuple[str, ...]
    stride_found: bool = False
    smallest_found: bool = False
    further: tuple[FurtherInput, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a user says of a module; what is empty or 0, the module says itself, or it is found.

    ``name`` is the network's, ``names`` are its classes'. Sides are multiples of ``stride`` from
    ``smallest`` pixels on. Where the size is not ``dynamic``, it takes one size. ``inputs`` are
    those beside its images.
    """

    name: str = ""
    names: tuple[str, ...] = ()
    layout: str = ""
    stride: int = 0
    smallest: int = 0
    dynamic: bool = True
    inputs: tuple[SaidInput, ...] = ()


def from_factory(source: str, example: Size, said: Said = Said()) -> Source:
    """The module that ``FILE.py:FUNCTION`` or ``PACKAGE.MODULE:FUNCTION`` returns.

    Raises UsageError where there is no such function, InputError where there is no such file or the
    user's code fails.
    """
    where, _, name = source.rpartition(":")
    module = _call(source, _factory(source, where, name))
    return _described(source, module, example, said)


def from_module(module: nn.Module, example: Size, said: Said = Said()) -> Source:
    """A module object, put into evaluation mode.

    Raises InputError where the module does not run at ``example``.
    """
    return _described(type(module).__name__, module.eval(), example, said)


def demand_function(file: str) -> None:
    """Raises UsageError for a Python ``file`` without ``:FUNCTION``; it names the functions.

    Raises InputError where there is no such file, or no Python in it.
    """
    path = Path(file)
    demand_file(path)
    try:
        found = list(_functions_in(path))
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path} can't be read as Python", str(error), "Correct it.") from error
    if not found:
        raise UsageError(
            f"{file} needs a function",
            "it has none without arguments",
            "Add one that returns a torch.nn.Module, and give FILE.py:FUNCTION.",
        )
    raise UsageError(
        f"{file} needs a function",
        f"{file}:{found[0]} (found there: {', '.join(found)})",
        _CONTRACT,
    )


def _described(source: str, module: nn.Module, example: Size, said: Said) -> Source:
    from exporter.further import further_of_module, with_further
    from exporter.outputs import flattened

    further = further_of_module(source, module, said.inputs)
    whole = with_further(module, further)
    stride, smallest = _sizes(source, module, whole, example, said, further=further)
    near = Size(*(-(-side // stride) * stride for side in (example.height, example.width)))
    output = _run(source, whole, near, further)
    names, task, own_layout = _contract(module, output, near)
    card = ModelCard(
        network=said.name or type(module).__name__,
        task=task_of_layout(said.layout).name if said.layout else task,
        layout=said.layout or own_layout,
        classes=said.names or _texts(module, "classes"),
        stride=stride,
        smallest=smallest,
    )
    return Source(
        flattened(whole, output),
        card,
        names,
        stride_found=said.dynamic and not (said.stride or _stride(module)),
        smallest_found=said.dynamic and not said.smallest,
        further=further,
    )


def _sizes(
    source: str,
    module: nn.Module,
    whole: nn.Module,
    example: Size,
    said: Said,
    *,
    further: tuple[FurtherInput, ...],
) -> tuple[int, int]:
    """The stride and the least side: as said, or found by trying ``whole``, which is ``module``
    with its further inputs."""
    from exporter.checks.sides import find_stride, fits, least_side
    from exporter.checks.trying import trial_of

    declared = said.stride or _stride(module)
    if not said.dynamic:
        return declared or 1, said.smallest or 1
    runs = trial_of(whole, lambda output, size: _contract(module, output, size), example, further)
    if declared and not fits(runs, declared, example):
        found = find_stride(runs, example)
        if found is not None:
            raise UsageError(
                f"{source} can't be exported with the stride {declared}",
                f"it does not run at all multiples of {declared}, but at those of {found}",
                f"Give {spelled('stride')} {found}.",
            )
    stride = declared or find_stride(runs, example)
    if stride is None:
        return 1, 1  # it may not run at all, which is said where it is run
    most = -(-max(example.height, example.width) // stride) * stride
    if not runs(Size(most, most)):
        return stride, said.smallest or 1
    return stride, said.smallest or least_side(runs, stride, most)


def _texts(module: nn.Module, name: str) -> tuple[str, ...]:
    """The texts of an attribute; none where it is something else, such as a number."""
    value = getattr(module, name, ())
    listed = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    return tuple(value) if listed else ()


def _stride(module: nn.Module) -> int:
    """The module's stride in pixels, 0 where it says none; a convolution's own stride is a tuple
    with another meaning."""
    value = getattr(module, "stride", None)
    return value if isinstance(value, int) else 0


def _factory(source: str, where: str, name: str) -> Callable[[], Any]:
    module = _import_file(Path(where)) if where.endswith(".py") else _import_module(where)
    factory = getattr(module, name, None)
    if not callable(factory):
        file = getattr(module, "__file__", None)
        found = _listed(Path(file)) if file else ""
        raise UsageError(
            f"{source} was not found",
            f"{where} has no function {name!r}" + (f" (found there: {found})" if found else ""),
            f"Give FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION. {_CONTRACT}",
        )
    return factory  # type: ignore[no-any-return]


def _listed(path: Path) -> str:
    """The functions of a file in words; none where it is compiled, as some modules are."""
    with suppress(OSError, SyntaxError, ValueError):
        return ", ".join(_functions_in(path))
    return ""


def _functions_in(path: Path) -> Iterator[str]:
    """The public functions of a file that take no arguments.

    Raises OSError, SyntaxError and ValueError where it can't be read as Python.
    """
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            arguments = node.args
            required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
            if not required and None not in arguments.kw_defaults:
                yield node.name


def _import_file(path: Path) -> Any:
    demand_file(path)
    spec = importlib.util.spec_from_file_location(f"_source_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} can't be imported", "it is no Python file", "Give a .py file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    _running(str(path), lambda: spec.loader.exec_module(module))  # type: ignore[union-attr]
    return module


def _import_module(name: str) -> Any:
    return _running(name, lambda: importlib.import_module(name))


def _call(source: str, factory: Callable[[], Any]) -> nn.Module:
    from torch import nn

    module = _running(source, factory)
    if not isinstance(module, nn.Module):
        raise InputError(
            f"{source} returned no network",
            f"it returned a {type(module).__name__}",
            "Return a torch.nn.Module from it.",
        )
    return module.eval()


def _running(what: str, work: Callable[[], T]) -> T:
    """Run the user's own code; whatever it raises becomes an InputError with its cause chained."""
    try:
        return work()
    except SizewiseError:
        raise
    except SystemExit as error:
        raise InputError(
            f"{what} could not be run",
            f"it ends Python itself{_line(error)}",
            'Put what runs as a program under: if __name__ == "__main__":',
        ) from error
    except Exception as error:
        raise InputError(
            f"{what} could not be run",
            f"{type(error).__name__}: {error}{_line(error)}",
            "Fix it, or run again with --debug to see the traceback.",
        ) from error


def _line(error: BaseException) -> str:
    place = place_of(error)
    return f" in {place}" if place else ""


def _run(
    source: str, module: nn.Module, example: Size, further: tuple[FurtherInput, ...]
) -> object:
    """What the module gives for two images of the example's size."""
    import torch

    from exporter.further import tensors_of

    beside = tensors_of(further, _BATCH, example)
    images = torch.rand(_BATCH, 3, example.height, example.width)
    with torch.inference_mode():
        return _running(source, lambda: module(images, *beside))


def _contract(
    module: nn.Module, output: object, example: Size
) -> tuple[tuple[str, ...], TaskName, str]:
    """Output names, task and layout, by the module's outputs for one example."""
    from exporter.checks.probes import Probe
    from exporter.outputs import named_tensors

    tensors = named_tensors(output)
    shapes = [tuple(tensor.shape) for tensor in tensors.values()]
    for task in tasks().values():
        if task.recognises(shapes, Probe(batch_size=_BATCH, size=example)):
            return task.output_names, task.name, "sizewise"
    return _texts(module, "output_names") or tuple(tensors), "unknown", "unknown"

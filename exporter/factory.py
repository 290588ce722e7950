"""The user's own modules: a ``torch.nn.Module`` object, or a function that makes one."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from netzoo.tasks.registry import task_of_layout, tasks
from sizewise.core.errors import InputError, SizewiseError, UsageError
from sizewise.core.specs import ModelCard, Size, TaskName

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")

_USUAL_STRIDE = 32
_CONTRACT = "It is called without arguments and must return a torch.nn.Module."


@dataclass(frozen=True)
class Source:
    """A module to export, its card, and the names of its outputs."""

    module: nn.Module
    card: ModelCard
    output_names: tuple[str, ...]


def from_factory(
    source: str, example: Size, *, names: tuple[str, ...] = (), layout: str = "", stride: int = 0
) -> Source:
    """The module that ``FILE.py:FUNCTION`` or ``PACKAGE.MODULE:FUNCTION`` returns.

    ``names`` (of classes), ``layout`` and ``stride`` replace what the module says of itself.
    Raises UsageError where there is no such function, InputError where the user's code fails.
    """
    where, _, name = source.rpartition(":")
    module = _call(source, _factory(source, where, name))
    return _described(source, name, module, example, names=names, layout=layout, stride=stride)


def from_module(
    module: nn.Module,
    example: Size,
    *,
    names: tuple[str, ...] = (),
    layout: str = "",
    stride: int = 0,
) -> Source:
    """A module object, named after its class and put into evaluation mode.

    ``names`` (of classes), ``layout`` and ``stride`` replace what the module says of itself.
    Raises InputError where the module does not run at ``example``.
    """
    name = type(module).__name__
    return _described(name, name, module.eval(), example, names=names, layout=layout, stride=stride)


def demand_function(file: str) -> None:
    """Raises UsageError for a Python ``file`` without ``:FUNCTION``; it names the functions."""
    path = Path(file)
    _demand_file(path)
    found = list(_functions_in(path))
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


def _described(
    source: str,
    name: str,
    module: nn.Module,
    example: Size,
    *,
    names: tuple[str, ...],
    layout: str,
    stride: int,
) -> Source:
    output_names, task, own_layout = _contract(source, module, example)
    card = ModelCard(
        network=name,
        task=task_of_layout(layout).name if layout else task,
        layout=layout or own_layout,
        classes=names or _texts(module, "classes"),
        stride=stride or _stride(module),
    )
    return Source(module, card, output_names)


def _texts(module: nn.Module, name: str) -> tuple[str, ...]:
    """The texts of an attribute; none where it is something else, such as a number."""
    value = getattr(module, name, ())
    listed = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    return tuple(value) if listed else ()


def _stride(module: nn.Module) -> int:
    """The module's stride in pixels; a convolution's own stride is a tuple with another meaning."""
    value = getattr(module, "stride", None)
    return value if isinstance(value, int) else _USUAL_STRIDE


def _factory(source: str, where: str, name: str) -> Callable[[], Any]:
    module = _import_file(Path(where)) if where.endswith(".py") else _import_module(where)
    factory = getattr(module, name, None)
    if not callable(factory):
        file = getattr(module, "__file__", None)
        found = ", ".join(_functions_in(Path(file))) if file else ""
        raise UsageError(
            f"{source} was not found",
            f"{where} has no function {name!r}" + (f" (found there: {found})" if found else ""),
            f"Give FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION. {_CONTRACT}",
        )
    return factory  # type: ignore[no-any-return]


def _functions_in(path: Path) -> Iterator[str]:
    """The public functions of a file that take no arguments; none where it is no Python."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            arguments = node.args
            required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
            if not required and None not in arguments.kw_defaults:
                yield node.name


def _import_file(path: Path) -> Any:
    _demand_file(path)
    spec = importlib.util.spec_from_file_location(f"_source_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} can't be imported", "it is no Python file", "Give a .py file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    _running(str(path), lambda: spec.loader.exec_module(module))  # type: ignore[union-attr]
    return module


def _demand_file(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"{path} can't be imported", "there is no such file", "Check the path.")


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
    except Exception as error:
        raise InputError(
            f"{what} could not be run",
            f"{type(error).__name__}: {error}",
            "Fix it, or run again with --debug to see the traceback.",
        ) from error


def _contract(
    source: str, module: nn.Module, example: Size
) -> tuple[tuple[str, ...], TaskName, str]:
    """Output names, task and layout, by the module's outputs for one example."""
    import torch

    from exporter.checks.probes import Probe
    from exporter.checks.reference import leaves

    probe = Probe(batch_size=2, size=example)
    images = torch.zeros(probe.batch_size, 3, example.height, example.width)
    with torch.inference_mode():
        tensors = _running(source, lambda: list(leaves(module(images))))
    shapes = [tuple(t.shape) for t in tensors]
    for task in tasks().values():
        if task.recognises(shapes, probe):
            return task.output_names, task.name, "sizewise"
    named = _texts(module, "output_names")
    return named or tuple(f"output_{i}" for i in range(len(shapes))), "unknown", "unknown"

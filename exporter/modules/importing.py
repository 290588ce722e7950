"""The user's own Python: a file or a module is imported, and its function makes a network."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from exporter.diagnosis.places import place_of
from exporter.modules.listing import CONTRACT, listed
from sizewise.core.errors import InputError, SizewiseError, UsageError
from sizewise.core.files import demand_file
from sizewise.core.rooms import ROOMS

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")

_imported: dict[str, Path] = {}
"""The modules that a user's code imported from a folder of the user's, and that folder."""
_last: list[str] = []
"""The folders that the last block left at the end of the path."""


def made_by(source: str) -> nn.Module:
    """The module that ``FILE.py:FUNCTION`` or ``PACKAGE.MODULE:FUNCTION`` returns, in evaluation
    mode.

    Raises UsageError where there is no such function, InputError where there is no such file or the
    user's code fails.
    """
    from torch import nn

    where, _, name = source.rpartition(":")
    path = Path(where) if where.endswith(".py") else None
    if path is not None:
        demand_file(path)
    here = Path.cwd()
    with importable(*([path.resolve().parent] if path else []), here):
        module = _import_module(where) if path is None else _import_file(path)
        made = running(source, _factory(source, where, name, module))
    if not isinstance(made, nn.Module):
        raise InputError(
            f"{source} returned no network",
            f"it returned a {type(made).__name__}",
            "Return a torch.nn.Module from it.",
        )
    return made.eval()


@contextmanager
def importable(*folders: Path) -> Iterator[None]:
    """Let the block import what lies in ``folders``, before all else, as ``python FILE.py`` does.

    Afterwards they come last: a ``forward`` may still import from them, and no file there hides a
    package that we import later. Earlier blocks' folders, and what was imported from them, are
    forgotten: two projects may each have a package ``models``.
    """
    for name in [name for name, folder in _imported.items() if folder not in folders]:
        sys.modules.pop(name, None)
        del _imported[name]
    _forget_path(_last)
    before, texts = set(sys.modules), list(dict.fromkeys(map(str, folders)))
    sys.path[:0] = texts
    importlib.invalidate_caches()
    try:
        yield
    finally:
        _forget_path(texts)
        _last[:] = [text for text in texts if text not in sys.path]
        sys.path += _last
        for name in sys.modules.keys() - before:
            if home := next((one for one in folders if _lies_in(name, one)), None):
                _imported[name] = home


def _forget_path(folders: Iterable[str]) -> None:
    for folder in folders:
        with suppress(ValueError):  # the user's code may have removed it
            sys.path.remove(folder)


def running(what: str, work: Callable[[], T]) -> T:
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
            _remedy(error),
        ) from error


def _lies_in(name: str, folder: Path) -> bool:
    """Whether a module is the user's, and a file or package in ``folder`` or below it, or a part of
    one."""
    if name.partition(".")[0] in ("sizewise", *ROOMS):
        return False
    module = sys.modules[name]
    file = getattr(module, "__file__", None)
    # A folder without __init__.py may have parts elsewhere, and they may come first.
    places = [file] if isinstance(file, str) else list(getattr(module, "__path__", ()))
    paths = [Path(one) for one in places if isinstance(one, str)]
    return any(p.is_relative_to(folder) and "site-packages" not in p.parts for p in paths)


def _factory(source: str, where: str, name: str, module: Any) -> Callable[[], Any]:
    factory = getattr(module, name, None)
    if not callable(factory):
        file = getattr(module, "__file__", None)
        found = listed(Path(file)) if file else ""
        raise UsageError(
            f"{source} was not found",
            f"{where} has no function {name!r}" + (f" (found there: {found})" if found else ""),
            f"Give FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION. {CONTRACT}",
        )
    return factory  # type: ignore[no-any-return]


def _import_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"_source_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} can't be imported", "it is no Python file", "Give a .py file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    running(str(path), lambda: spec.loader.exec_module(module))  # type: ignore[union-attr]
    return module


def _import_module(name: str) -> Any:
    return running(name, lambda: importlib.import_module(name))


def _remedy(error: Exception) -> str:
    """What to do about an exception of the user's code: of an import, where to look for it."""
    todo = "Fix it, or run again with --debug to see the traceback."
    if not isinstance(error, ImportError):
        return todo
    if "relative import" in str(error):
        return "Give it as PACKAGE.MODULE:FUNCTION, in the folder that holds the package."
    package = (error.name or "").partition(".")[0]
    if package in ("sizewise", *ROOMS):
        return f"sizewise has a package {package} of its own: give yours another name."
    if isinstance(error, ModuleNotFoundError) and package:
        return f"Install {package}, or name the folder that holds it: PYTHONPATH=FOLDER."
    return todo


def _line(error: BaseException) -> str:
    place = place_of(error)
    return f" in {place}" if place else ""

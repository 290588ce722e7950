"""PyTorch by itself, eager and compiled. A program is code: give these files of your own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engines.base import Array


def eager_call(source: Path, images: Array, threads: int, *, static: bool) -> Any:
    """A call of the module of an ExportedProgram, which takes any shape."""
    import torch

    del static
    return _call(torch.export.load(source).module(), images, threads)


def compiled_call(source: Path, images: Array, threads: int, *, static: bool) -> Any:
    """A call of a package that AOTInductor compiled, for the shapes that it was compiled for."""
    import torch._inductor.package  # loading a package needs it

    del static
    return _call(torch._inductor.aoti_load_package(str(source)), images, threads)


def _call(run: Callable[[Any], Any], images: Array, threads: int) -> Any:
    import torch

    torch.set_num_threads(threads)
    given = torch.from_numpy(images)

    def call() -> Any:
        with torch.inference_mode():
            return run(given)

    return call

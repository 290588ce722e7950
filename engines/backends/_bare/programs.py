"""PyTorch by itself: eager, on a GPU, and compiled.

A program is code: give these files of your own.
"""

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


def cuda_call(
    source: Path, images: Array, threads: int, *, static: bool, device: str = "cuda"
) -> Any:
    """A call of the same module on a GPU, in FP32 that is not TF32.

    In every call the images go there from pinned memory and the outputs come back into pinned
    memory, as PyTorch's tutorial on ``pin_memory`` and ``non_blocking`` has it. ``device`` may be
    ``cpu``, to test without a GPU.
    """
    import torch
    from torch.export.passes import move_to_device_pass
    from torch.utils._pytree import tree_leaves

    del static
    torch.set_num_threads(threads)
    on_gpu = device != "cpu"
    cudnn: Any = torch.backends.cudnn
    for setting in (torch.backends.cuda.matmul, cudnn.conv):
        setting.fp32_precision = "ieee"
    run: Any = move_to_device_pass(torch.export.load(source), device).module()
    given = torch.from_numpy(images)
    given = given.pin_memory() if on_gpu else given
    hosts: list[Any] = []

    def call() -> Any:
        with torch.inference_mode():
            made = tree_leaves(run(given.to(device, non_blocking=True)))
            if not hosts:
                like: dict[str, Any] = {"device": "cpu", "pin_memory": on_gpu}
                hosts.extend(torch.empty_like(one, **like) for one in made)
            for host, one in zip(hosts, made, strict=True):
                host.copy_(one, non_blocking=True)
            if on_gpu:
                torch.cuda.synchronize()
        return hosts

    return call


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

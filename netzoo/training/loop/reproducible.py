"""Torch's global switches, set for one training and restored after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sizewise.core.machine.environment import read_environment


@contextmanager
def reproducible(seed: int, threads: int, *, to_the_bit: bool = True) -> Iterator[None]:
    """Make numbers depend only on seed, thread count, machine and version of torch. Some of what a
    training does has no such way on a GPU: not ``to_the_bit``."""
    threads_before = torch.get_num_threads()
    strict_before = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng():
        try:
            torch.manual_seed(seed)
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(to_the_bit)
            yield
        finally:
            torch.use_deterministic_algorithms(strict_before)
            torch.set_num_threads(threads_before)


def has_native_bf16() -> bool:
    """Whether this CPU multiplies in bf16 itself; elsewhere it is emulated, slower than fp32."""
    return bool({"avx512_bf16", "amx_bf16"} & set(read_environment().cpu_flags))

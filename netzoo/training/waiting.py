"""How the threads of a training wait for each other."""

from __future__ import annotations

import os
import sys

_POLICY = "OMP_WAIT_POLICY"


def load_torch_to_train() -> None:
    """Import torch with threads that sleep while they wait for each other, and do not spin.

    Threads that spin train 2.6 times slower than threads that sleep, once another program wants a
    core. OpenMP reads its variable when it is loaded, so this does nothing where torch is imported
    already, or where the user has set it. The variable is taken back: engines, which are measured
    in children of this process, run as their libraries do by default.
    """
    if "torch" in sys.modules or _POLICY in os.environ:
        return
    os.environ[_POLICY] = "PASSIVE"
    try:
        import torch  # noqa: F401
    finally:
        del os.environ[_POLICY]

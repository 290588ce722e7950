"""What a user may name in the place of an ONNX file: code, weights and networks, which are exported
first."""

from __future__ import annotations

import shlex
from pathlib import Path

from sizewise.core.errors import InputError

_KINDS = {
    ".py": "Python code",
    ".safetensors": "a checkpoint",
    ".pt": "a file of PyTorch",
    ".pth": "a file of PyTorch",
    ".weights": "Darknet's weights",
}
_SOURCES = {".py": "{}:FUNCTION", ".safetensors": "{}"}
_FILLED = "NETWORK --weights {}"


def demand_onnx_name(path: Path) -> None:
    """Raises InputError where a name is of something to export first, with the command for it."""
    name, quoted = path.name, shlex.quote(str(path))
    if ".py:" in name:
        raise _other(path, f"it is {_KINDS['.py']}", quoted)
    if kind := _KINDS.get(path.suffix):
        raise _other(path, f"it is {kind}", _SOURCES.get(path.suffix, _FILLED).format(quoted))
    is_bare = len(path.parts) == 1 and (":" in name or not path.suffix)
    if is_bare and not path.exists():
        raise _other(path, "there is no such file, and a network or a function is none", quoted)


def _other(path: Path, why: str, source: str) -> InputError:
    todo = f"Export it first: sizewise export {source} --dynamic"
    return InputError(f"{path} is no ONNX file", why, todo)

"""Code that goes into a package, as ``sizewise.pipeline.prediction.packaging.shipped`` has it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from sizewise.pipeline.prediction.packaging import shipped

_IMPORT = f"from {shipped.__name__} import"


def ship(name: str, path: Path) -> None:
    """Write the shipped file ``name`` to ``path``; what it imports of the others lies beside it."""
    text = (files(shipped) / name).read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(_IMPORT, "import"), encoding="utf-8")


def readme(target: str, **words: str) -> str:
    """What README.md of a package for ``target`` says, with ``words`` in their places."""
    text = (files(shipped) / f"readme-{target}.md").read_text(encoding="utf-8")
    return text.format(**words)

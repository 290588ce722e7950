"""The options of ``sizewise package``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sizewise.core.options.declared import again, option
from sizewise.core.options.reading import PATH, TEXT, Reader, choice, several
from sizewise.pipeline.prediction.options import RunOptions
from sizewise.pipeline.prediction.pool.options import PoolOptions

FOLDER, TRITON, OVMS, KSERVE = "folder", "triton", "ovms", "kserve"
AUTO, NATIVE, PYTHON = "auto", "native", "python"
_PACKAGE, _SERVER = "Package", "Server"
_MOST = 63
"""Characters of a name in Kubernetes, and so of the model's."""


def _name(given: object) -> str:
    text = str(given)
    if text and not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_MOST - 1}}}", text):
        raise ValueError(
            f"Give at most {_MOST} letters of A-Z, digits, points, dashes and underscores; the "
            "first is a letter or a digit."
        )
    return text


@dataclass(frozen=True, kw_only=True)
class PackageOptions(RunOptions):
    """What is packed, and for which server. Thresholds of boxes are written into the package."""

    target: str = option(
        choice(FOLDER, TRITON, OVMS, KSERVE),
        help="What it is for: a folder with a loader in Python, Triton, OpenVINO Model Server, or "
        "KServe.",
        group=_PACKAGE,
    )
    name: str = option(
        Reader(_name, "TEXT"),
        "",
        help="Name of the model in requests.",
        group=_PACKAGE,
        shown="the network's",
    )
    models: tuple[Path, ...] = option(
        several(PATH),
        (),
        help="ONNX files of the plan that do not lie where it says; they are known by their hash.",
        group=_PACKAGE,
    )
    model_licence: str = option(
        TEXT,
        "",
        help="Licence of the model, to stand in the manifest.",
        group=_PACKAGE,
        shown="not stated",
    )
    triton_backend: str = option(
        choice(AUTO, NATIVE, PYTHON),
        AUTO,
        help="What runs the engines in Triton: its own back end for their library, or its Python "
        "back end with that library in it; auto takes the first where it can be set as planned.",
        group=_SERVER,
    )
    storage_uri: str = option(
        TEXT,
        "",
        help="Where KServe finds the models: the address that you copy the folder models to.",
        group=_SERVER,
    )
    image: str = option(
        TEXT,
        "",
        help="Image of Triton for KServe, built from the package's Dockerfile.",
        group=_SERVER,
    )
    trust_engines: tuple[str, ...] = again(PoolOptions, "trust_engines", ())

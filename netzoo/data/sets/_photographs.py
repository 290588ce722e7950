"""The photographs that lie inside the wheels of scikit-learn and scikit-image.

They are opened as files: scikit-image's own functions would fetch what its wheel lacks.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from sizewise.core.errors import InputError

# No scene is in both. The motorcycle is a stereo pair, of which one is taken.
PHOTOGRAPHS = {
    "train": (
        "sklearn/datasets/images/china.jpg",
        "skimage/data/astronaut.png",
        "skimage/data/brick.png",
        "skimage/data/chelsea.png",
        "skimage/data/coffee.png",
        "skimage/data/gravel.png",
        "skimage/data/hubble_deep_field.jpg",
        "skimage/data/moon.png",
        "skimage/data/motorcycle_left.png",
    ),
    "val": (
        "sklearn/datasets/images/flower.jpg",
        "skimage/data/camera.png",
        "skimage/data/coins.png",
        "skimage/data/grass.png",
        "skimage/data/rocket.jpg",
    ),
}


def open_photograph(name: str) -> Image.Image:
    """RGB. Raises InputError where the package, or the photograph in it, is missing."""
    package, _, inside = name.partition("/")
    path = package_folder(package) / inside
    try:
        with Image.open(path) as photograph:
            return photograph.convert("RGB")
    except OSError as error:
        raise InputError(
            f"The photograph {path} can't be read",
            error.strerror or str(error),
            "Run: pip install --force-reinstall 'sizewise[digits]'.",
        ) from error


def package_folder(package: str) -> Path:
    """The folder of an installed package, found without importing it.

    Raises InputError where it is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise InputError(
            "The data set digits can't be made",
            f"the package {package} is not installed",
            "Run: pip install 'sizewise[digits]'.",
        )
    return Path(spec.origin).parent

"""The trainings of examples/recipes, each at one seed (python -m docs.make.training.recipes):
reports/measured/training-recipes.json, from which docs/training-measured.md is made
(python -m docs.make.training.tables).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from docs.make.method.records import now, origin, write_record
from docs.make.pages import HOUSE
from docs.make.training.running import Asked, outcomes

NAME = "training-recipes"
RECIPES = HOUSE / "examples" / "recipes"
SIZES = (224, 320, 416)
PUBLISHED: Mapping[str, Mapping[str, str]] = {
    "yolov2": {"coco": "544", "voc07": "288,352,416,480,544"},
    "yolov3": {"coco": "608"},
    "yolov4-csp": {"coco": "512,640"},
}
"""Further sizes, those of published tables (docs/reproduced.md), by metric."""


def asked() -> Iterator[Asked]:
    for path in sorted(RECIPES.glob("*.toml")):
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
        arguments = (*_options(recipe["train"]), "--data", recipe["data"])
        yield Asked(name=path.stem, arguments=arguments, sizes=_sizes(recipe["train"]["network"]))


def _sizes(network: str) -> Mapping[str, str]:
    usual, further = ",".join(map(str, SIZES)), PUBLISHED.get(network, {})
    return {**further, "coco": ",".join(filter(None, (usual, further.get("coco"))))}


def _options(table: Mapping[str, Any]) -> Iterator[str]:
    """The table ``[train]`` as it is given to ``sizewise train``."""
    yield table["network"]
    for key, value in table.items():
        if key != "network":
            yield f"--{key.replace('_', '-')}"
            yield str(value)


def main() -> None:
    started, before = now(), origin()
    runs = outcomes(asked())
    write_record(NAME, {"started": started, "ended": now(), "origin": before, "runs": runs})


if __name__ == "__main__":
    main()

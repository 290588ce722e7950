"""``sizewise networks``: the zoo and what its members cost."""

from __future__ import annotations

from sizewise.cli import console
from sizewise.cli.options import Json


def networks(as_json: Json = False) -> None:
    """List the networks with parameters, convolutions, BFLOPs and strides."""
    from netzoo.zoo import networks as zoo

    from netzoo.cost import cost_of

    costs = {name: cost_of(entry) for name, entry in zoo().items()}
    if as_json:
        from sizewise import codec

        console.show_json(codec.to_plain(costs))
        return
    console.show_table(
        "Networks at width 1, depth 1, 80 classes",
        ("network", "task", "parameters", "convolutions", "BFLOPs", "at H×W", "strides"),
        [
            (
                name,
                zoo()[name].task,
                f"{cost.parameters:,}",
                cost.convolutions,
                f"{cost.bflops:.3f}",
                f"{cost.size.height}×{cost.size.width}",
                ", ".join(map(str, zoo()[name].strides)),
            )
            for name, cost in costs.items()
        ],
    )
    console.next_step("sizewise train yolov3 --data digits --width 0.25 --depth 0.34")

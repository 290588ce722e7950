"""What engines are made over: one cross product, parsed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from engines.planning.batches import parse_batch
from sizewise.core.specs import Strategy
from sizewise.core.trials import Protocol

_DEFAULT = Protocol()

Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Some = Field(min_length=1)


def _as_text(given: Any) -> Any:
    """Of a number, a text, or a list of such."""
    return ",".join(map(str, given)) if isinstance(given, list | tuple) else str(given)


def _checked_batch(given: int | str) -> int | str:
    """A range as it stands, a single size as a number."""
    tuned, several = parse_batch(given)
    return given if several else tuned


class Axes(BaseModel):
    """One cross product: models × back ends × strategies × graph fusions × batches × sizes ×
    replicas.

    ``fusion`` keeps the models that merge their scales in one of these ways, ``precision`` those
    that are in one of these (empty: all models); ``sizes`` is written as for ``--sizes``;
    ``profiles`` is how the strategy of that name groups the sizes
    (``engines.planning.size_groups``); a batch size may be a range (``engines.planning.batches``);
    ``options`` are of the back ends that have them, as NAME=VALUE (``engines.options``);
    ``graph_fusion`` empty means each back end's own default; ``threads`` 0 all usable cores;
    ``allow_fallback`` takes engines that run in another precision, or elsewhere, than asked;
    ``data`` is what ``open_dataset`` takes, empty for no
    accuracy. The last six are how each trial is measured (``sizewise.core.trials.Protocol``).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fusion: tuple[str, ...] = ()
    precision: tuple[str, ...] = ()
    sizes: str = "320:640:160"
    backends: Annotated[tuple[str, ...], Some] = ("onnxruntime", "openvino")
    strategies: Annotated[tuple[Strategy, ...], Some] = ("static", "dynamic")
    graph_fusion: tuple[Literal["none", "basic", "extended", "all"], ...] = ()
    profiles: Annotated[str, BeforeValidator(_as_text)] = ""
    batch: Annotated[tuple[Annotated[int | str, AfterValidator(_checked_batch)], ...], Some] = (1,)
    options: tuple[str, ...] = ()
    threads: Count = 0
    allow_fallback: bool = False
    data: str = ""
    replicas: Positive = 1

    processes: Positive = _DEFAULT.processes
    rounds: Positive = _DEFAULT.rounds
    block_calls: Positive = _DEFAULT.block_calls
    block_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = _DEFAULT.block_s
    warmup_calls: Count = _DEFAULT.warmup_calls
    seed: int = _DEFAULT.seed

    @property
    def protocol(self) -> Protocol:
        return Protocol(
            processes=self.processes,
            rounds=self.rounds,
            block_calls=self.block_calls,
            block_s=self.block_s,
            warmup_calls=self.warmup_calls,
            seed=self.seed,
        )

"""How a network is trained: a value that its checkpoint remembers."""

from __future__ import annotations

from dataclasses import dataclass, field

from sizewise.environment import usable_cores
from sizewise.errors import UsageError
from sizewise.specs import Size, Sizes


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """``sizes`` are drawn from at random, one per step; ``learning_rate`` is the peak that a
    linear warm-up of ``warmup_steps`` reaches and a half cosine leaves; ``ema_decay`` is that of
    the running mean of the weights, which is what training returns. ``loss`` is one of those that
    train the network; empty, the first of them. Raises UsageError.
    """

    steps: int = 700
    batch_size: int = 8
    sizes: tuple[Size, ...] = Sizes.parse("160:320:32")
    loss: str = ""
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 50
    gradient_norm: float = 10.0
    ema_decay: float = 0.99
    threads: int = field(default_factory=usable_cores)
    seed: int = 0

    def __post_init__(self) -> None:
        finite = float("inf")
        for name, right, meaning in (
            ("steps", self.steps >= 1, "at least 1"),
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("sizes", bool(self.sizes), "one size or more"),
            ("learning_rate", 0 < self.learning_rate < finite, "above 0"),
            ("weight_decay", 0 <= self.weight_decay < finite, "0 or more"),
            ("warmup_steps", self.warmup_steps >= 0, "0 or more"),
            ("gradient_norm", 0 < self.gradient_norm < finite, "above 0"),
            ("ema_decay", 0 <= self.ema_decay < 1, "in 0–1, below 1"),
            ("threads", self.threads >= 1, "at least 1"),
            ("seed", self.seed >= 0, "0 or more"),
        ):
            if not right:
                raise UsageError(
                    f"Training can't have {name} = {getattr(self, name)}",
                    f"it must be {meaning}",
                    "Leave it out to have the default.",
                )

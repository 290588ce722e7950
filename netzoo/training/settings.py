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
    the running mean of the weights, which is what training returns. Raises UsageError.
    """

    steps: int = 700
    batch_size: int = 8
    sizes: tuple[Size, ...] = Sizes.parse("160:320:32")
    loss: str = "dense"
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 50
    gradient_norm: float = 10.0
    ema_decay: float = 0.99
    threads: int = field(default_factory=usable_cores)
    seed: int = 0

    def __post_init__(self) -> None:
        counts = {"steps": self.steps, "batch_size": self.batch_size, "threads": self.threads}
        for name, count in counts.items():
            if count < 1:
                raise UsageError(
                    f"Training can't have {name} = {count}",
                    "it is a count, at least 1",
                    f"Give a positive {name}.",
                )
        if not self.sizes:
            raise UsageError(
                "Training has no sizes", "every step draws one", "Give sizes, as 160:320:32."
            )
        rates = (self.learning_rate, self.gradient_norm, 1 - self.ema_decay)
        if not all(0 < rate < float("inf") for rate in rates) or self.ema_decay < 0:
            raise UsageError(
                "Training can't have these rates",
                f"learning_rate {self.learning_rate} and gradient_norm {self.gradient_norm} must "
                f"lie above 0, ema_decay {self.ema_decay} in 0–1",
                "Leave them out to have the defaults.",
            )

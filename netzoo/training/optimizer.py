"""AdamW or SGD, with a warm-up and a half-cosine decay of the learning rate."""

from __future__ import annotations

import math

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from netzoo.training.settings import TrainingSettings

_LAST_RATE = 0.01


def make_optimizer(network: nn.Module, settings: TrainingSettings) -> tuple[Optimizer, LambdaLR]:
    """The optimizer and its schedule; weight decay is for kernels only."""
    learning = [p for p in network.parameters() if p.requires_grad]
    kernels = [p for p in learning if p.ndim > 1]
    others = [p for p in learning if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    rate, momentum = settings.learning_rate, settings.momentum
    optimizer: Optimizer
    if settings.optimizer == "sgd":
        optimizer = SGD(groups, lr=rate, momentum=momentum, nesterov=momentum > 0)
    else:
        optimizer = AdamW(groups, lr=rate)
    return optimizer, LambdaLR(optimizer, lambda step: learning_rate_share(step, settings))


def learning_rate_share(step: int, settings: TrainingSettings) -> float:
    """The share of the peak learning rate at ``step``, counted from 0.

    It rises linearly and falls along half a cosine.
    """
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    done = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * done)) / 2

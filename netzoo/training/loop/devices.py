"""Where a network is trained, and in which arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer

from netzoo.training.loop.ranks import local_rank_told
from netzoo.training.loop.reproducible import has_native_bf16
from netzoo.training.settings import TrainingSettings
from sizewise.core.errors import TrainingError, UsageError
from sizewise.core.options.declared import spelled

_LEAST_SCALE = 1.0
"""Below it, gradients of fp16 overflow whatever the loss is multiplied by."""


def device_of(settings: TrainingSettings) -> torch.device:
    """The device, which is made the current one. Raises UsageError where there is none."""
    if settings.device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UsageError(
            "The training can't run on a GPU",
            f"PyTorch {torch.__version__} finds none that it can use",
            f"Leave {spelled('device')} out, or install PyTorch for CUDA and a driver "
            "(sizewise doctor says what is missing).",
        )
    device = torch.device("cuda", local_rank_told())
    torch.cuda.set_device(device)
    return device


def autocast_to(settings: TrainingSettings) -> torch.dtype | None:
    """The type that the network's layers compute in; none: as they are, in fp32."""
    if settings.arithmetic != "auto":
        return {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[settings.arithmetic]
    if settings.device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if has_native_bf16() else None


@dataclass(frozen=True, kw_only=True)
class Updates:
    """The steps of an optimizer after the gradients are there.

    In fp16, small gradients would be 0: the loss is multiplied by a scale, which halves where they
    overflow, and that step is left out (Micikevicius et al. 2018, Mixed precision training, §3.2).
    """

    optimizer: Optimizer
    parameters: Sequence[nn.Parameter]
    scaler: GradScaler
    most_norm: float

    def backward(self, loss: Tensor) -> None:
        torch.autograd.backward(self.scaler.scale(loss))

    def norm(self) -> Tensor:
        """The norm of the gradient, which is then cut to the largest one allowed."""
        self.scaler.unscale_(self.optimizer)
        return nn.utils.clip_grad_norm_(self.parameters, self.most_norm)

    @property
    def may_overflow(self) -> bool:
        """Whether a gradient that is not finite says nothing of the training."""
        return self.scaler.is_enabled()

    def step(self) -> bool:
        """Change the weights; False where the gradient overflowed and they stay. Raises
        TrainingError where it always does."""
        before = self._scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        after = self._scale()
        if after < _LEAST_SCALE:
            raise TrainingError(
                "Training stopped",
                "its gradients overflow in fp16",
                f"Give {spelled('arithmetic')} bf16 or fp32.",
                reason_code="numerics",
            )
        return after >= before

    def _scale(self) -> float:
        return self.scaler.get_scale()

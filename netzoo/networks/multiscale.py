"""Segmentation at several scales: the MultiScaleInputProcessor, a decoder, a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor, nn
from torch.nn import functional

from netzoo.blocks import ConvBNAct, upsampled
from netzoo.processor import MultiScaleInputProcessor
from netzoo.scales import STRIDE
from netzoo.tasks.masks.classes import channel_names
from netzoo.training.settings import ScaleTraining
from netzoo.trunk import Pyramid
from netzoo.zoo.config import MULTISCALE, MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import Network, NetworkEntry
from sizewise.core.specs import Size

FINEST = 4
"""Pixels per cell of the mask head."""
_WIDEST = 64
"""The most channels of the decoder: a mask has few classes."""


class Multiscale(Network):
    """``forward`` gives mask logits [B, C, H/4, W/4]; while training, those that each scale gives
    by itself follow, [B, C, h/4, w/4] at its own size (from its finest maps, before any fusion),
    in the order of ``supervised``.

    C is 1. By class, it is the number of classes, with a background first (``channel_names``)."""

    output_names = ("mask_logits",)

    def __init__(self, config: NetworkConfig) -> None:
        settings = config.multiscale or MultiscaleConfig()
        super().__init__(replace(config, multiscale=settings), (FINEST,))
        self.settings = settings
        self.processor = MultiScaleInputProcessor(settings, config.width, config.depth)
        channels = self.processor.trunk.channels
        hidden = min(_WIDEST, channels[0])
        self.decoder = Decoder(channels, hidden)
        self.by_class = settings.by_class
        outputs = 1
        if settings.by_class:
            outputs = len(channel_names(config.classes, None, background=True))
        self.head = nn.Conv2d(hidden, outputs, 1)
        self.auxiliary = nn.ModuleList(
            _auxiliary_head(channels[0], hidden, outputs) for _ in self.processor.places
        )

    @property
    def stride(self) -> int:
        return STRIDE

    @property
    def smallest(self) -> int:
        return self.processor.scales.smallest

    @property
    def supervised(self) -> tuple[int, ...]:
        """The places of the scales whose own logits training gives, coarse to fine."""
        processor = self.processor
        return (processor.scales.reference,) if processor.warming_up else tuple(processor.places)

    def forward(self, images: Tensor) -> list[Tensor]:
        by_scale: dict[int, Tensor] = {}

        def supervise(place: int, pyramid: Pyramid) -> None:
            if self.training:
                by_scale[place] = self.auxiliary[place](pyramid[0])

        merged = self.processor(images, supervise)
        mask: Tensor = self.head(self.decoder(merged))
        return [mask, *(by_scale[place] for place in sorted(by_scale))]

    def decode(self, heads: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The output ``mask_logits`` [B, C, H, W]."""
        rows, columns = heads[0].shape[-2:]
        size = [rows * FINEST, columns * FINEST]
        return (functional.interpolate(heads[0].float(), size=size, mode="bilinear"),)

    def begin_step(self, step: int, scales: ScaleTraining) -> None:
        self.processor.warming_up = step <= scales.single_scale_steps
        self.processor.sequential = scales.sequential
        self.processor.trunk.checkpointing = scales.checkpointing

    def deploy(self) -> None:
        """Remove the heads of single scales, and compute every scale for every image."""
        self.auxiliary = nn.ModuleList()
        self.processor.selecting = False


class Decoder(nn.Module):
    """A feature pyramid (Lin et al. 2017, §3): from the coarsest map down, each is brought to
    ``hidden`` channels, added to what came from above, and smoothed by a 3×3 convolution.

    Four maps → [B, hidden, H/4, W/4].
    """

    def __init__(self, channels: Sequence[int], hidden: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(inputs, hidden, 1) for inputs in channels)
        self.smooth = nn.ModuleList(
            ConvBNAct(hidden, hidden, 3, activation=nn.ReLU) for _ in channels
        )

    def forward(self, maps: Pyramid) -> Tensor:
        levels = list(zip(self.lateral, self.smooth, maps, strict=True))[::-1]
        lateral, smooth, coarsest = levels[0]
        merged: Tensor = smooth(lateral(coarsest))
        for lateral, smooth, finer in levels[1:]:
            merged = smooth(lateral(finer) + upsampled(merged))
        return merged


def _auxiliary_head(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    smooth = ConvBNAct(inputs, hidden, 3, activation=nn.ReLU)
    return nn.Sequential(smooth, nn.Conv2d(hidden, outputs, 1))


NETWORKS = (
    NetworkEntry(
        name=MULTISCALE,
        task="segmentation",
        size=Size(352, 352),
        strides=(FINEST,),
        divisor=STRIDE,
        classes=1,
        losses=("masks",),
        build=Multiscale,
    ),
)

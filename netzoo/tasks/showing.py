"""How a model is given pictures, and inputs beside them, where its card does not say so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from sizewise.core.further.reading import INPUTS
from sizewise.core.options.declared import option
from sizewise.core.options.reading import choice, number, optional, several
from sizewise.core.specs import ModelCard, Order, Preprocessing, SaidInput
from sizewise.core.specs.preprocessing import ORDERS

_PICTURES = "Pictures"
FITS = {"letterbox": True, "stretch": False}
_RANGES = {"0-1": 1, "0-255": 255}


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """Empty where the card's own value holds."""

    fit: str | None = option(
        optional(choice(*FITS)),
        None,
        help="How pictures are fitted into the input: scaled by one factor with grey around them, "
        "or stretched.",
        group=_PICTURES,
        shown="as the file says, or letterbox",
    )
    input_format: str | None = option(
        optional(choice(*ORDERS)),
        None,
        help="Order of the channels that the model takes.",
        group=_PICTURES,
        shown="as the file says, or rgb",
    )
    range: str | None = option(
        optional(choice(*_RANGES)),
        None,
        help="Range of the values that the model takes.",
        group=_PICTURES,
        shown="as the file says, or 0-1",
    )
    mean: tuple[float, ...] = option(
        several(number()),
        (),
        help="Mean that is subtracted from colours of 0-1 (R,G,B).",
        group=_PICTURES,
        shown="as the file says, or 0,0,0",
    )
    std: tuple[float, ...] = option(
        several(number()),
        (),
        help="Standard deviation that colours are divided by (R,G,B).",
        group=_PICTURES,
        shown="as the file says, or 1,1,1",
    )

    input: tuple[SaidInput, ...] = option(
        INPUTS,
        (),
        help="What an input beside the picture is given: a value or several (size=height,width), "
        "a shape of zeros (prompt=1x77), or a .npy file. Give it once for each input.",
        group="Further inputs",
        shown="by its name: the picture's size, 1, or 0",
    )

    def shown_to(self, card: ModelCard) -> ModelCard:
        """``card`` with what was said of its inputs in place of its own. Raises UsageError."""
        own = card.preprocessing
        preprocessing = Preprocessing(
            order=cast("Order", self.input_format or own.order),
            most=own.most if self.range is None else _RANGES[self.range],
            mean=self.mean or own.mean,
            std=self.std or own.std,
        )
        letterbox = card.letterbox if self.fit is None else FITS[self.fit]
        inputs = {one.name: one for one in (*card.inputs, *self.input)}
        return replace(
            card,
            letterbox=letterbox,
            preprocessing=preprocessing,
            inputs=tuple(inputs.values()),
        )


AS_THE_CARD_SAYS = PictureOptions()


def own_fit(card: ModelCard) -> str:
    """The fit of pictures that is the card's, as the option names it."""
    return next(name for name, keeps_shape in FITS.items() if keeps_shape == card.letterbox)


def other_fit(card: ModelCard) -> str:
    """The fit of pictures that is not the card's, as the option names it."""
    return next(name for name in FITS if name != own_fit(card))


def said_pictures(card: ModelCard) -> str:
    """How pictures are given, in a sentence."""
    return f"Pictures: {own_fit(card)}, {card.preprocessing}."

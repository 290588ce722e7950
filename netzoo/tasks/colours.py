"""A colour for every class, and text that can be read on it."""

from __future__ import annotations

import math

import numpy as np

Colour = tuple[int, int, int]
"""sRGB, 0–255."""

_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_FIRST_HUE = 5.6
_CHROMA = 0.19
_LIGHTNESS = (0.65, 0.82, 0.50)
_TO_LMS = np.array(
    [
        [1, 0.3963377774, 0.2158037573],
        [1, -0.1055613458, -0.0638541728],
        [1, -0.0894841775, -1.2914855480],
    ]
)
_TO_LINEAR_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_EQUAL_CONTRAST = math.sqrt(1.05 * 0.05) - 0.05
"""The luminance on which black and white text have the same contrast (WCAG 2, 1.4.3)."""


def class_colour(label: int) -> Colour:
    """The colour of a class, far from those of the classes before it.

    Each hue is the golden angle further, and three lightnesses take turns, in OKLCh (Ottosson
    2020), where equal steps look equal.
    """
    hue = _FIRST_HUE + label * _GOLDEN_ANGLE
    lightness = _LIGHTNESS[label % len(_LIGHTNESS)]
    lab = np.array([lightness, _CHROMA * math.cos(hue), _CHROMA * math.sin(hue)])
    linear = (_TO_LINEAR_RGB @ (_TO_LMS @ lab) ** 3).clip(0, 1)
    encoded = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(255 * value) for value in encoded.tolist())
    return red, green, blue


def text_colour(background: Colour) -> Colour:
    """Black or white: the one with the greater contrast."""
    encoded = np.array(background) / 255
    linear = np.where(encoded < 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return (0, 0, 0) if float(_LUMINANCE @ linear) > _EQUAL_CONTRAST else (255, 255, 255)

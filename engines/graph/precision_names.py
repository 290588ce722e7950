"""One set of names for the precisions that the libraries report, each in words of its own."""

from __future__ import annotations

from collections.abc import Iterable

_NAMES = {
    "float": "fp32",
    "float32": "fp32",
    "f32": "fp32",
    "double": "fp64",
    "float64": "fp64",
    "f64": "fp64",
    "float16": "fp16",
    "f16": "fp16",
    "bfloat16": "bf16",
    "bf16": "bf16",
    "int8": "int8",
    "uint8": "int8",
    "i8": "int8",
    "u8": "int8",
    "float8e4m3fn": "fp8",
    "float8e5m2": "fp8",
    "f8e4m3": "fp8",
}
WIDTHS = {"fp8": 1, "int8": 1, "fp16": 2, "bf16": 2, "fp32": 4, "fp64": 8}
"""Bytes of a number."""


def precision_of(types: Iterable[str]) -> str:
    """The narrowest precision among a layer's types; empty where it is arithmetic on shapes.

    A layer of int8 weights computes in int8.
    """
    known = [_NAMES[name] for name in types if name in _NAMES]
    return min(known, key=WIDTHS.__getitem__, default="")

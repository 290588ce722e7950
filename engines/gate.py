"""What is refused before a back end is asked to build: each refusal has its reason code."""

from __future__ import annotations

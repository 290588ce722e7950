"""Requests that are refused, with the status of HTTP that says why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sizewise.core.errors import SizewiseError


class RefusedError(Exception):
    """``status`` is HTTP's; ``retry_after_s`` says when the request may come again, if at all."""

    def __init__(self, status: int, text: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.retry_after_s = retry_after_s


def wrong(text: str) -> RefusedError:
    """The client's mistake."""
    return RefusedError(400, text)


@contextmanager
def blaming(status: int) -> Iterator[None]:
    """Errors within it are refusals with this status."""
    try:
        yield
    except SizewiseError as error:
        raise RefusedError(status, str(error)) from error

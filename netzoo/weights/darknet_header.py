"""The header of Darknet's ``.weights`` files: a version, and the images seen in training."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_MOST = 1000
"""The limit of versions: Darknet takes a higher one as a sign of transposed weights."""
_OLD, _NEW = struct.Struct("<iiiI"), struct.Struct("<iiiQ")
OLD_LENGTH = _OLD.size


@dataclass(frozen=True)
class DarknetHeader:
    """Version and number of images ``seen``, from which Darknet counts on when it trains.

    The default version is the one that today's Darknet writes.
    """

    major: int = 0
    minor: int = 2
    revision: int = 5
    seen: int = 0

    @property
    def is_plausible(self) -> bool:
        return 0 <= self.major < _MOST and 0 <= self.minor < _MOST

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """As a checkpoint keeps them."""
        return (self.major, self.minor, self.revision, self.seen)

    @property
    def packed(self) -> bytes:
        return self._layout.pack(*self.numbers)

    @property
    def _layout(self) -> struct.Struct:
        """From version 0.2 on, ``seen`` has 64 bits."""
        return _NEW if self.major * 10 + self.minor >= 2 else _OLD


def parse_header(content: bytes) -> DarknetHeader:
    """The header that ``content`` begins with. Raises :class:`struct.error` where it is shorter."""
    old = DarknetHeader(*_OLD.unpack_from(content))
    return DarknetHeader(*old._layout.unpack_from(content)) if old.is_plausible else old

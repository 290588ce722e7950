"""sizewise: export once, build the right engine for every input size, know what each costs."""

from sizewise._version import __version__

__all__ = ["__version__"]

"""sizewise: export once, build the right engine for every input size, know what each costs."""

__version__ = "0.1.0"

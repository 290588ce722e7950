"""The start-up check that our rooms are ours, and that no other package has taken the place of one.

The rooms have common names (``bench``, ``engines``, …). Whatever Python would import under these
names must lie beside this package and say so in its first line.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from sizewise.core.errors import InstallConflictError

ROOMS = ("netzoo", "exporter", "engines", "bench", "reports")
_HOUSE = Path(__file__).resolve().parents[2]
_MARK = "sizewise room:"


def check_rooms(house: Path = _HOUSE) -> None:
    """Refuse to start where a room is shadowed or missing. Raises InstallConflictError, naming the
    rival."""
    for room in ROOMS:
        spec = find_spec(room)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin != house / room / "__init__.py" or _MARK not in _first_line(origin):
            rival = origin or (list(spec.submodule_search_locations or ()) if spec else "nothing")
            raise InstallConflictError(
                f"The name {room!r} does not lead to sizewise's own package",
                f"Python finds {rival} instead of {house / room}",
                "Install sizewise into a virtual environment of its own, and start it from "
                f"a folder that has no {room}/ or {room}.py in it.",
            )


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline()

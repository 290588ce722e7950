"""What else happens on the machine while engines are measured, read before and after each round."""

from bench.gate.snapshots import Snapshot, reading, snapshot
from bench.gate.stops import Stops

__all__ = ["Snapshot", "Stops", "reading", "snapshot"]

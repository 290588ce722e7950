"""What else happens on the machine while engines are measured, read before and after each round."""

from bench.gate.snapshots import Snapshot, reading, snapshot

__all__ = ["Snapshot", "reading", "snapshot"]

"""The parts of ``sizewise.core.child``: pipes, process groups, their guard, errors."""

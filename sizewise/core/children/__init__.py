"""The parts of ``sizewise.core.children.child``: pipes, process groups, their guard, errors."""

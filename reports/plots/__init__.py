"""Plots of the report."""

from sizewise.core.machine.home import spare_home_of_matplotlib

spare_home_of_matplotlib()

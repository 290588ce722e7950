"""Plots of the report."""

from sizewise.core.home import spare_home_of_matplotlib

spare_home_of_matplotlib()

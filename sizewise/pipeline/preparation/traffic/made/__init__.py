"""Traffic that is made up, and known by name: a file for each kind.

Nobody's pictures: the shares in these files are ours, chosen to look like such traffic. They are
for trying a plan out. A plan that matters is made for traffic of your own.
"""

"""The anchor: a fixed kernel of ours that ties sizes, runs and machines together."""

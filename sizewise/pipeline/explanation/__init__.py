"""A converted file layer by layer: engines profiled, and errors measured."""

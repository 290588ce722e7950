"""The set of engines that is the fastest under limits, and the proof that none is faster."""

"""Our int8 files beside those of other quantizers."""

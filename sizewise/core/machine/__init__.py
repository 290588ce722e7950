"""The machine: its cores, its GPUs, its software, and a fingerprint of them."""

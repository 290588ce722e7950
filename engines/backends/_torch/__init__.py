"""Programs and sessions of PyTorch, shared by its back ends."""

"""The zoo: what a network is, says of itself, costs, and how one is made by its name."""

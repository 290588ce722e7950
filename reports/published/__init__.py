"""Tables of papers and guides, one TOML file each, and what reads them."""

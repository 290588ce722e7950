"""What proves an exported graph: probes, parity, deviation."""

"""What of a published table is counted, measured, or has to wait."""

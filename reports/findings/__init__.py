"""Findings: the sentences at the top of the report."""

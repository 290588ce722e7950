"""Libraries by themselves, at their own defaults: what our sessions are measured against."""

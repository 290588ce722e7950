"""OpenVINO's plug-in for CPUs: its settings, its layers and its profile."""

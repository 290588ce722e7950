"""What a process holds and has to let go of: resources, locks, and drafts of files."""

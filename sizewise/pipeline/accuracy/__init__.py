"""What evaluate, build and convert judge: candidates, their accuracy and its loss."""

"""What the commands do: values in, values out, a Reporter for progress and remarks. No terminal."""

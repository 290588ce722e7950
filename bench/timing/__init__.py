"""What a child times of its open engine: warm and cold calls, their parts, memory."""

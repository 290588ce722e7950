"""What a data set holds, and what is doubtful in it."""

"""What could come next in a program, and what a name is: by reading, without running any of it."""

"""What cells ask for: kernels, programs that run without one, completions, files."""

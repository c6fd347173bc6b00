"""The API of programs in cells: `sys._sage_`, interacts, and the visitor's variables."""

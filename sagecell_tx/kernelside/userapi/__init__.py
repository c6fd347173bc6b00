"""What programs in cells call: `sys._sage_`, interacts, and the page as they see it."""

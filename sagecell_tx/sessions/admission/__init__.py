"""Who may start a kernel or store something: budgets, the queue, refusals."""

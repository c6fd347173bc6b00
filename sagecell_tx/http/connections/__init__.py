"""Client connections: accepting them, their limits and deadlines, and fairness among them."""

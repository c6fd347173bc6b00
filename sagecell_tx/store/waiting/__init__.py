"""What is kept in memory while the database is away, and stored when it is back."""

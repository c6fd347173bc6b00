"""Real Sage: a corpus of cells with what they give back, and Sage's own doctests."""

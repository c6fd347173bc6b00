"""Tests of sagecell_tx.kernelside.interact."""

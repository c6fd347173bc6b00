"""Tests of sagecell_tx.kernelside.completion."""

"""The process that kernels are forked from: `python -m sagecell_tx.kernelside.forkserver`."""

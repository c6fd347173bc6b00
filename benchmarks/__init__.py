"""The program beside its peers, in one run."""

"""The untrusted side: the fork server and its kernels. Imports neither the server nor Twisted."""

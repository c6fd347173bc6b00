"""The REST interface of Jupyter Server, for its clients: kernels, kernelspecs and sessions."""

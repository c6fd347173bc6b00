"""The requests of cells: kernels, programs of ``/service``, completions and files."""

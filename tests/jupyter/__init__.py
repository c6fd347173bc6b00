"""The interface below ``/api``, used by Jupyter's own clients, and compared with Jupyter Server."""

"""The description of all below ``/api``, for programs: an OpenAPI document."""

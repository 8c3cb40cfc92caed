"""Addresses of release 0.1 that scripts still use; the rooms are `structures` and `datasets`."""

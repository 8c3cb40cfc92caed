"""The version of phonodos: what every file says it was made by."""

__version__ = "0.1.0"

"""Splits under their address in release 0.1; at home in `datasets.splits`."""

from phonodos.datasets.splits import Split as Split

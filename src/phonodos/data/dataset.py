"""Data sets under their address in release 0.1; at home in `datasets.dataset`."""

from phonodos.datasets.dataset import Dataset as Dataset
from phonodos.datasets.dataset import write_dataset as write_dataset

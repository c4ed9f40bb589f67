"""Stands in front of the real package on PYTHONPATH: programs that speak as the real ones do, without torch."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)  # rows, configs and all else are the real ones

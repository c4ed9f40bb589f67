"""Stands in for training.evaluate."""

import runpy

if __name__ == "__main__":
    runpy.run_module("training.nothing", run_name="__main__")

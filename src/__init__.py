"""The package multisfs: ``from multisfs import MultiSFSSelector``. In a clone of the project it is called src."""

import importlib

from .common.home import VERSION as __version__


def __getattr__(name: str):
    """The estimator is loaded when it is asked for: it loads MindSpore, which takes seconds."""
    if name == "MultiSFSSelector":
        return importlib.import_module(".sklearn_api", __name__).MultiSFSSelector
    raise AttributeError(f"module {__name__} has no attribute {name}")


__all__ = ["MultiSFSSelector", "__version__"]  # pylint: disable=undefined-all-variable

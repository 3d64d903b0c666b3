from .prepared import PreparedData, Split
from .preparing.prepare import prepare

__all__ = ["PreparedData", "Split", "prepare"]

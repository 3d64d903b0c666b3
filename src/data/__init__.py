from src.data.preparation import prepare
from src.data.store import PreparedData, Split

__all__ = ["PreparedData", "Split", "prepare"]

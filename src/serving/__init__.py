from .engines import open_engine, predictions
from .rows import read_rows, write_rows
from .signature import SIGNATURE_FILE, InputField, Signature, read_signature

__all__ = [
    "SIGNATURE_FILE", "InputField", "Signature", "open_engine", "predictions", "read_rows", "read_signature",
    "write_rows",
]

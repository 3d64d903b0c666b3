from .engines import open_engine
from .rows import read_rows, write_rows
from .signature import SIGNATURE_FILE, InputField, Signature, read_signature

__all__ = [
    "SIGNATURE_FILE", "InputField", "Signature", "open_engine", "read_rows", "read_signature", "write_rows",
]

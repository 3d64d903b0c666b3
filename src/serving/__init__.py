from src.serving.engines import open_engine
from src.serving.rows import read_rows, write_rows
from src.serving.signature import SIGNATURE_FILE, InputField, Signature, read_signature

__all__ = [
    "SIGNATURE_FILE", "InputField", "Signature", "open_engine", "read_rows", "read_signature", "write_rows",
]

"""CRC-64/NVME, bit by bit: slow, and by the letter of the NVM Express base specification's Rocksoft polynomial."""

from __future__ import annotations

from base64 import b64encode

POLYNOMIAL = 0x9A6C9329AC4BC9B5
"""Of CRC-64/NVME, reflected."""
ONES = 2**64 - 1


def crc64nvme(data: bytes) -> str:
    """Return the checksum in base64, as S3 writes it."""
    crc = ONES
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return b64encode((crc ^ ONES).to_bytes(8, "big")).decode()


def _entry(index: int) -> int:
    for _ in range(8):
        index = (index >> 1) ^ (POLYNOMIAL if index & 1 else 0)
    return index


_TABLE = [_entry(index) for index in range(256)]

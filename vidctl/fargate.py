"""Which task sizes Fargate has.

AWS: Amazon ECS developer guide, "Task CPU and memory"; ECS API reference, EphemeralStorage: 21 to 200 GiB.
"""

from __future__ import annotations

_GIB = 1024
_MEMORY_MIB = {
    256: (512, 1024, 2048),
    512: range(1 * _GIB, 4 * _GIB + 1, _GIB),
    1024: range(2 * _GIB, 8 * _GIB + 1, _GIB),
    2048: range(4 * _GIB, 16 * _GIB + 1, _GIB),
    4096: range(8 * _GIB, 30 * _GIB + 1, _GIB),
    8192: range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB),
    16384: range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB),
}
"""The memory that goes with so many CPU units."""
_EPHEMERAL_GIB = range(21, 201)


def checked(size: str) -> str:
    """Return a size, written as CPU units / MiB / GiB, if there is such a task.

    Raises:
        ValueError: there is none; it says what there is.

    """
    cpu_units, memory_mib, ephemeral_gib = (int(part) for part in size.split("/"))
    memory = _MEMORY_MIB.get(cpu_units)
    if memory is None:
        raise ValueError(f"{size}: CPU units are one of {', '.join(map(str, _MEMORY_MIB))}")
    if memory_mib not in memory:
        step = memory[1] - memory[0]
        raise ValueError(f"{size}: {cpu_units} CPU units go with {memory[0]} to {memory[-1]} MiB by {step}")
    if ephemeral_gib not in _EPHEMERAL_GIB:
        raise ValueError(f"{size}: storage is {_EPHEMERAL_GIB[0]} to {_EPHEMERAL_GIB[-1]} GiB")
    return size

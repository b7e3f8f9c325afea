"""Settings of the transcoding task."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from vidctl.fields import Seconds
from vidctl.settings.declared import HOUR, MINUTE, config, duration


class WorkerSettings(BaseSettings):
    """The transcoding task."""

    model_config = config("VIDCTL_WORKER_")

    ffmpeg: str = Field(default="ffmpeg", description="Program, by name or path.")
    ffprobe: str = Field(default="ffprobe", description="Program, by name or path.")
    directory: str | None = Field(default=None, description="Where the local files go; default: the system's.")
    profile: str = Field(
        default="streaming", description="What is made: the name of a profile, a path, or YAML (docs/profiles.md)."
    )
    max_duration: Seconds = duration(12 * HOUR, "Longest input; the reconciler reads it too, as the next two.")
    max_pixels: int = Field(default=8192 * 4320, ge=1, le=8192 * 8192, description="Largest picture.")
    max_streams: int = Field(default=64, ge=1, description="Most streams of the input.")
    max_frame_rate: float = Field(default=1000, ge=1, description="Most frames a second of the input, on the average.")
    max_memory: int | None = Field(
        default=None, ge=64 * 1024**2, description="Bytes of memory for ffmpeg; default: 7/8 of what the task has."
    )
    max_disk: int | None = Field(
        default=None, ge=1024**2, description="Bytes of disk for source and outputs of a job; default: what is free."
    )
    max_file: int = Field(default=64 * 1024**3, ge=1024, description="Largest file that ffmpeg may write, in bytes.")
    confine: Literal["required", "preferred", "off"] = Field(
        default="required",
        description="Whether ffmpeg runs only under a seccomp filter, without one where there is none, or unconfined.",
    )
    deadline: Seconds = duration(12 * HOUR, "Longest run of ffmpeg.")
    stall: Seconds = duration(10 * MINUTE, "Longest time in which ffmpeg comes no further.")
    fence: Seconds = duration(60, "Interval of asking whether it still is wanted.")
    progress: Seconds = duration(3, "Least time between two progress writes.")
    download_parts: int = Field(default=4, ge=1, description="Ranges read at once.")
    part_bytes: int = Field(default=16 * 1024**2, ge=1024, description="Size of such a range.")
    upload_parts: int = Field(default=4, ge=1, description="Segments uploaded at once.")
    grace: Seconds = duration(20, "Time from SIGTERM to the result.")


class JobSettings(BaseSettings):
    """What a worker task has to do; the reconciler writes it."""

    model_config = config("VIDCTL_")

    job: str = Field(description="The attempt, as JSON; set by the reconciler in the task's environment.")

"""Programs of ffmpeg: their command lines, and the walls around them while they run."""

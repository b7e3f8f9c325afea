"""How what was published is played while its bucket stays private (docs/playback.md)."""

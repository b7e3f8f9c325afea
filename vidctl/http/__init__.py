"""The HTTP process: signs uploads, tells owners what became of their videos, answers probes."""

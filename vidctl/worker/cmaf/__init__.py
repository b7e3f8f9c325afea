"""Fragmented MP4 as CMAF has it: read box by box, cut into segments, described as HLS and DASH."""

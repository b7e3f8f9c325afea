"""The reconciler: keeps comparing what should be with what is, one video at a time, and converges."""

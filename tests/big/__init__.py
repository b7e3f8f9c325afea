"""One upload of 1 GiB through the whole world on this machine."""

"""One machine in place of AWS: the emulator, a local ECS, and the production processes in front of them."""

"""The worker: the ECS task that turns one raw object into the outputs of one attempt."""

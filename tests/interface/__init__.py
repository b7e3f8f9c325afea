"""The HTTP interface, fed by a machine with whatever ``openapi.yaml`` allows and forbids."""

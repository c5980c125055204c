"""What the service can do: commands, ports and use cases. Knows the domain, and of the outside only the ports."""

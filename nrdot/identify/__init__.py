"""What a process is: owner, container, unit, labels."""

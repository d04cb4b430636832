"""What fast code is measured by: the same, done the way one would write it first."""

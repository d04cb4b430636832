"""Disks that fill up, fail, rot and crash on cue."""

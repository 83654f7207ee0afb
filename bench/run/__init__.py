"""Carries cells out: `worker` turns specifications into records, `local` drives it on this machine."""

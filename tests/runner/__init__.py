"""Tests of the runner, with real processes and real repositories."""

"""Reads across the apps: functions that return dataclasses and change nothing."""

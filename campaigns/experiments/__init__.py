"""Which mail works better, and whether mail works at all: arms, controls, and a judgement that peeking cannot bend.

`statistics` is pure; `assigning` remembers who met what; `results` counts; `judging` decides, once.
"""

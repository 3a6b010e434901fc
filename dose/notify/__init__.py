"""Telling people: channels that send, and the pure rules about when, how often, how long and in what words.

`channel` says what a channel is; `email` and `sms` are the two that reach out. Everything else here is pure: it is
given the time and returns codes and numbers, so that the same input always gives the same answer.
"""

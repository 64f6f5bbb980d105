"""Doing it: one pass over all targets, the states of one attempt, and the rollout of what is ready.

Not for deciding (planning, certs.gate) nor for any single effect (issuers, install, hooks, journal).
Read passes first, then engine and states, then rollout.
"""

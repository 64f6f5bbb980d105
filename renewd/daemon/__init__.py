"""Lives for months: the tick, the signals, the lock, the reload of the configuration.

Not for what a pass does (renewal.passes). Read service first, then duties.
"""

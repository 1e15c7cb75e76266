"""Other engines over the same topic, each in an environment of its own: none of their packages is one of ours.

Every file here is run as `python -m benchmarks.consume.peers.NAME SETTINGS DSN KAFKA COUNT GROUP` and prints the
seconds from the first event to the last, and its seconds of CPU. SETTINGS: `batch=1000,queued=100000`.
"""

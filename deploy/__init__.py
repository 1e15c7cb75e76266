"""How Kith is put on a machine: its servers, its database roles, its topics and its command."""


class Trouble(Exception):
    """What stops us, in one sentence that tells the person at the terminal what to do."""

"""Other ways to send the same bytes to the same server, each a program of its own.

They get the most favourable conditions: one message that is ready before the clock starts, the same for everybody,
addressed to numbered readers; nothing is read, personalised or recorded, and a failure ends the run. Each prints a line
of JSON with the seconds from the first connection to the last 250.
"""

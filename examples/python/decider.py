"""An account, decided in the application: load, decide, append.

    python3 decider.py [CLIENTS [DEPOSITS]]

Several clients at once make deposits to one account and then close it; what they
did is printed.  The database is found by PGHOST, PGDATABASE and so on.
"""

import json
import sys
import threading
import uuid
from collections import Counter

import psycopg
from psycopg.types.json import Jsonb


class Account:
    """The decider: everything that is particular to accounts.

    It is plain code that knows of no database.
    """

    initial_state = {"open": True, "balance": 0}
    state_version = 1  # what the state looks like; another leaves old snapshots alone
    snapshot_every = 50

    @staticmethod
    def apply(state, event_type, data):
        """The state after an event."""
        if event_type == "MoneyDeposited":
            return {**state, "balance": state["balance"] + data["amount"]}
        if event_type == "AccountClosed":
            return {**state, "open": False}
        raise ValueError(f'unknown event type "{event_type}"')

    @staticmethod
    def decide(state, command, **arguments):
        """The events that a command leads to; none is fine, too."""
        if not state["open"]:
            raise ValueError("the account is closed")
        if command == "deposit":
            return [{"type": "MoneyDeposited", "data": {"amount": arguments["amount"]}}]
        if command == "close":
            return [{"type": "AccountClosed", "data": {}}]
        raise ValueError(f'unknown command "{command}"')


def load(connection, decider, stream):
    """The state and the version of a stream: a snapshot, then the events after it."""
    snapshot = connection.execute(
        "SELECT version, state FROM event_store.latest_snapshot(%s, state_version => %s)",
        (stream, decider.state_version),
    ).fetchone()
    version, state = snapshot or (0, decider.initial_state)
    for version, event_type, data in connection.execute(
        "SELECT version, type, data FROM event_store.read_stream(%s, from_version => %s)",
        (stream, version + 1),
    ):
        state = decider.apply(state, event_type, data)
    return state, version


def keep_snapshot(connection, decider, stream, state, events, before, after):
    """Keeps the state now and then, so that load() has few events to apply."""
    if before // decider.snapshot_every == after // decider.snapshot_every:
        return
    for event in events:
        state = decider.apply(state, event["type"], event["data"])
    connection.execute(
        "SELECT event_store.save_snapshot(%s, %s, %s, state_version => %s)",
        (stream, after, Jsonb(state), decider.state_version),
    )


def execute(connection, decider, stream, command, count=None, **arguments):
    """Loads, decides and appends until nobody was faster.

    When somebody was (ST001), the decision rests on a state that is no longer so,
    and is made again.  A transaction that the server gave up (40001, 40P01) has done
    nothing: it may be repeated as it is.  All else is the caller's.
    """
    count = Counter() if count is None else count
    decided = None
    while True:
        try:
            if decided is None:
                state, version = load(connection, decider, stream)
                events = decider.decide(state, command, **arguments)
                if not events:
                    return version
                # With ids of its own an append is stored once, however often it is
                # repeated.
                events = [{"event_id": str(uuid.uuid4()), **event} for event in events]
                decided = state, version, events
            state, version, events = decided
            (after,) = connection.execute(
                "SELECT version FROM event_store.append_json(%s, %s, expected_version => %s)",
                (stream, Jsonb(events), version),
            ).fetchone()
            keep_snapshot(connection, decider, stream, state, events, version, after)
            return after
        except psycopg.Error as error:
            if error.sqlstate == "ST001":
                decided = None
            elif error.sqlstate not in ("40001", "40P01"):
                raise
            count[error.sqlstate] += 1


def main(clients, deposits):
    stream = f"account-{uuid.uuid4()}"
    counts = [Counter() for _ in range(clients)]

    def client(count):
        with psycopg.connect(autocommit=True) as connection:
            for _ in range(deposits):
                execute(connection, Account, stream, "deposit", count, amount=5)

    threads = [threading.Thread(target=client, args=(count,)) for count in counts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with psycopg.connect(autocommit=True) as connection:
        execute(connection, Account, stream, "close")
        try:
            execute(connection, Account, stream, "deposit", amount=5)
            refused = "accepted"
        except ValueError as error:
            refused = str(error)
        state, version = load(connection, Account, stream)
    count = sum(counts, Counter())
    print(
        json.dumps(
            {
                "stream": stream,
                "state": state,
                "version": version,
                "refused": refused,
                "conflicts": count["ST001"],
                "repeated": count["40001"] + count["40P01"],
            }
        )
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in (sys.argv[1:] + ["4", "25"][len(sys.argv) - 1 :])))

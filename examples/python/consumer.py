"""A consumer of a subscription: poll, handle, acknowledge.

    python3 consumer.py SUBSCRIPTION CONSUMER [exactly-once|at-least-once [LEASE [INTERVAL]]]

At least once, it prints a line for each event.  Exactly once, it inserts a row into
the table handled (subscription, stream, version, consumer).  An event whose data is
{"fail": 2} fails twice; with {"away": 1795910400} what it is for is away until that
moment.  LEASE and INTERVAL are in seconds.  SIGTERM ends it.  The database is found by
PGHOST, PGDATABASE and so on.
"""

import contextlib
import select
import signal
import socket
import sys
import time
from datetime import timedelta

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row


class Rejected(Exception):
    """Says that an event cannot be handled: it is the event's fault."""


class Stop:
    """Asks a consumer to stop; select() sees it, too."""

    def __init__(self):
        self.requested = False
        self.reader, self.writer = socket.socketpair()

    def request(self, *_):
        self.requested = True
        self.writer.send(b".")

    def fileno(self):
        return self.reader.fileno()


def consume(
    conninfo,
    subscription,
    consumer,
    handle,
    *,
    stop,
    exactly_once=False,
    max_count=100,
    lease=30,
    interval=1,
    log=lambda line: print(line, file=sys.stderr),
):
    """Calls handle(event, connection) with the events of a subscription until stop.

    Each consumer that runs at the same time needs a name of its own.

    At least once: an event whose consumer dies before the acknowledgement comes
    again.  Exactly once: what handle() does by the connection that it is given is in
    one transaction with the acknowledgement; whatever else it does is not.

    An event that handle() raises Rejected for holds up its stream only.  It is tried
    again some times, and then parked.  Any other error says that the time is not good:
    the server is away that a mail is sent by, or two transactions were in each other's
    way.  Then all that is left is given back, and tried again after a while.

    lease is in seconds: one event must be handled in less than two thirds of it.
    interval is the seconds between polls when there is nothing to do.  A notification
    ends the wait; but without a worker nobody notifies, and nobody says when it is
    time for another attempt.
    """

    def connect():
        return psycopg.connect(
            conninfo, autocommit=True, row_factory=namedtuple_row, application_name=consumer, connect_timeout=10
        )

    delay = 0.1
    while not stop.requested:
        try:
            # Notifications come on a connection of its own: they do not come in a
            # transaction, and a pooler would not pass them on.
            with connect() as connection, connect() as listener:
                listener.execute("LISTEN event_store")
                while not stop.requested:
                    any_came, trouble = handle_batch(
                        connection, subscription, consumer, handle, stop, exactly_once, max_count, lease
                    )
                    if trouble:
                        log(f"{consumer}: {trouble!r}; trying again in {delay} s")
                        select.select([stop], [], [], delay)
                        delay = min(2 * delay, 30)
                        continue
                    if not any_came:
                        select.select([listener, stop], [], [], interval)
                        take_notifications(listener)
                    delay = 0.1
        except psycopg.OperationalError as error:
            log(f"{consumer}: {' '.join(str(error).split())}; connecting again in {delay} s")
            select.select([stop], [], [], delay)
            delay = min(2 * delay, 30)


def take_notifications(listener):
    """Takes what has come, so that it is not waited for again."""
    listener.pgconn.consume_input()
    while listener.pgconn.notifies():
        pass


def handle_batch(connection, subscription, consumer, handle, stop, exactly_once, max_count, lease):
    """Polls and handles what comes; returns whether anything did, and what was in its way.

    What is not acknowledged in the end comes with the next poll.  So a batch ends
    early at an event that failed, whose stream is then left out of the next, and when
    it is time to renew the lease.
    """
    transaction = connection.transaction if exactly_once else contextlib.nullcontext
    until = time.monotonic() + lease / 3
    events = handled = failed = reason = trouble = None
    try:
        events = connection.execute(
            "SELECT token, attempts, global_position, stream, version, type, data, metadata, recorded_at"
            "  FROM event_store.poll(%s, %s, max_count => %s, lease => %s)",
            (subscription, consumer, max_count, timedelta(seconds=lease)),
        ).fetchall()
        if not events:
            return False, None
        with transaction():
            for event in events:
                try:
                    with transaction():  # a savepoint
                        handle(event, connection)
                        if connection.info.transaction_status == TransactionStatus.INERROR:
                            raise RuntimeError("an error was passed over")
                    handled = event
                except Rejected as error:
                    failed, reason = event, str(error)
                except Exception as error:
                    trouble = error
                if failed or trouble or stop.requested or time.monotonic() > until:
                    break
            if handled:
                connection.execute(
                    "SELECT event_store.ack(%s, %s, %s)", (subscription, handled.token, handled.global_position)
                )
            if failed:
                connection.execute(
                    "SELECT event_store.nack(%s, %s, %s, %s)",
                    (subscription, failed.token, failed.global_position, reason),
                )
    except psycopg.Error as error:
        # The lease was lost: another consumer has these events by now.
        if error.sqlstate == "ST006":
            return True, None
        # Others are transactions that the server gave up.
        if error.sqlstate not in ("40001", "40P01"):
            raise
        trouble = error
        if not events:
            return True, trouble
    # To poll again without an answer would count against the events; and others need not
    # wait for the lease to run out.
    if trouble or stop.requested:
        give_back(connection, subscription, events[0].token)
    return True, trouble


def give_back(connection, subscription, token):
    """Gives back what is not acknowledged, unless the lease is lost."""
    try:
        connection.execute("SELECT event_store.release(%s, %s)", (subscription, token))
    except psycopg.Error as error:
        if error.sqlstate != "ST006":
            raise


def main(subscription, consumer, mode="at-least-once", lease=30, interval=1):
    stop = Stop()

    def fail(event):
        if not isinstance(event.data, dict):
            return
        if event.data.get("fail", 0) > event.attempts:
            raise Rejected("told to fail")
        if event.data.get("away", 0) > time.time():
            raise ConnectionError("told to be away")

    def insert(event, connection):
        connection.execute(
            "INSERT INTO handled (subscription, stream, version, consumer) VALUES (%s, %s, %s, %s)",
            (subscription, event.stream, event.version, consumer),
        )
        fail(event)

    def write(event, _):
        fail(event)
        sys.stdout.write(f"{event.stream} {event.version}\n")  # at once: others write, too
        sys.stdout.flush()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop.request)
    consume(
        "",
        subscription,
        consumer,
        {"exactly-once": insert, "at-least-once": write}[mode],
        stop=stop,
        exactly_once=mode == "exactly-once",
        lease=float(lease),
        interval=float(interval),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

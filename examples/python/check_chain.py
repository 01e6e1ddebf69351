"""Recomputes the hash chain of a store, and a seal of it, outside of the database.

    python3 check_chain.py [POSITION ROOT_HASH]

Prints each event whose hash is not that of what it says and of the event before
it, and then the root hash at a position, the last one unless it is given.  With a
root hash that was kept, ends with status 1 where it is another, and so where an
event is wrong.  The database is found by PGHOST, PGDATABASE and so on.
"""

import hashlib
import struct
import sys

import psycopg

NONE = bytes(32)

# As they are stored: a hash is over that, and not over what upcasters make of it.
PAGE = """
SELECT global_position, stream, version, (extract(epoch FROM recorded_at) * 1000000)::bigint,
       schema_version, event_id, metadata::text, data::text, type, hash
  FROM event_store.read_all(%s, max_count => 1000, before_position => %s, raw => true)
"""


def sha256(contents):
    return hashlib.sha256(contents).digest()


def number(value):
    """Eight bytes, the highest first."""
    return struct.pack(">q", value)


def text(value):
    """The length in bytes, and the bytes."""
    value = value.encode()
    return number(len(value)) + value


def event_hash(before, event):
    position, stream, version, recorded_at, schema_version, event_id, metadata, data, event_type, _ = event
    return sha256(
        b"event_store event 1\n"
        + before
        + number(version)
        + number(position)
        + number(recorded_at)
        + number(schema_version)
        + event_id.bytes
        + sha256(metadata.encode())
        + sha256(data.encode())
        + text(stream)
        + text(event_type)
    )


def root_hash(position, heads):
    """Of all streams' heads, in the order of their first events."""
    ends = (text(stream) + number(version) + hashed for stream, (version, hashed) in heads.items())
    return sha256(b"event_store seal 1\n" + number(position) + b"".join(ends) + number(len(heads)))


def events(connection, last):
    """All events up to a position, in the order of the store."""
    after = 0
    while page := connection.execute(PAGE, (after, last + 1)).fetchall():
        yield from page
        after = page[-1][0]


def check(connection, last):
    """How many events are wrong, and the heads of all streams."""
    wrong = 0
    heads = {}
    for event in events(connection, last):
        position, stream, version, *_, hashed = event
        _, before = heads.get(stream, (0, NONE))
        if hashed is not None and hashed != event_hash(before, event):
            print(f'wrong: version {version} of "{stream}", at {position}')
            wrong += 1
        heads[stream] = (version, hashed or NONE)
    return wrong, heads


def main():
    with psycopg.connect() as connection:
        if len(sys.argv) > 1:
            last, sealed = int(sys.argv[1]), bytes.fromhex(sys.argv[2].removeprefix("\\x"))
        else:
            (last,), sealed = connection.execute("SELECT event_store.safe_position()").fetchone(), None
        wrong, heads = check(connection, last)
    root = root_hash(last, heads)
    print(f"{len(heads)} streams up to {last}: {root.hex()}")
    sys.exit(wrong > 0 or sealed not in (None, root))


if __name__ == "__main__":
    main()

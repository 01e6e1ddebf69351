// An account, decided in the application: load, decide, append.
//
//	node decider.mjs [CLIENTS [DEPOSITS]]
//
// Several clients at once make deposits to one account and then close it; what
// they did is printed.  The database is found by PGHOST, PGDATABASE and so on.

import { randomUUID } from 'node:crypto';
import pg from 'pg';

// The decider: everything that is particular to accounts.  It is plain code that
// knows of no database.
export const account = {
	initialState: { open: true, balance: 0 },
	// What the state looks like; another version leaves old snapshots alone.
	stateVersion: 1,
	snapshotEvery: 50,

	// The state after an event.
	apply(state, event) {
		switch (event.type) {
			case 'MoneyDeposited':
				return { ...state, balance: state.balance + event.data.amount };
			case 'AccountClosed':
				return { ...state, open: false };
			default:
				throw new Error(`unknown event type "${event.type}"`);
		}
	},

	// The events that a command leads to; none is fine, too.
	decide(state, command) {
		if (!state.open) throw new Error('the account is closed');
		switch (command.type) {
			case 'Deposit':
				return [{ type: 'MoneyDeposited', data: { amount: command.amount } }];
			case 'Close':
				return [{ type: 'AccountClosed', data: {} }];
			default:
				throw new Error(`unknown command "${command.type}"`);
		}
	},
};

// The state and the version of a stream: a snapshot, then the events after it.
// Versions are strings, since a bigint may be more than a number holds.
export async function load(client, decider, stream) {
	const snapshot = await client.query(
		`SELECT version, state FROM event_store.latest_snapshot($1, state_version => $2)`,
		[stream, decider.stateVersion],
	);
	let { version, state } = snapshot.rows[0] ?? { version: '0', state: decider.initialState };
	const { rows } = await client.query(
		`SELECT version, type, data FROM event_store.read_stream($1, from_version => $2)`,
		[stream, String(BigInt(version) + 1n)],
	);

	for (const event of rows) {
		state = decider.apply(state, event);
		version = event.version;
	}
	return { state, version };
}

// Loads, decides and appends until nobody was faster.  When somebody was (ST001),
// the decision rests on a state that is no longer so, and is made again.  A
// transaction that the server gave up (40001, 40P01) has done nothing: it may be
// repeated as it is.  All else is the caller's.
export async function execute(client, decider, stream, command, count = {}) {
	let decided = null;

	for (;;) {
		try {
			if (decided === null) {
				const { state, version } = await load(client, decider, stream);
				// With ids of its own an append is stored once, however often it is
				// repeated.
				const events = decider.decide(state, command).map((event) => ({ event_id: randomUUID(), ...event }));

				if (events.length === 0) return version;
				decided = { version, events, state };
			}
			const { rows } = await client.query(
				`SELECT version FROM event_store.append_json($1, $2, expected_version => $3)`,
				[stream, JSON.stringify(decided.events), decided.version],
			);

			await keepSnapshot(client, decider, stream, decided, rows[0].version);
			return rows[0].version;
		} catch (error) {
			if (error.code === 'ST001') decided = null;
			else if (error.code !== '40001' && error.code !== '40P01') throw error;
			count[error.code] = (count[error.code] ?? 0) + 1;
		}
	}
}

// Keeps the state now and then, so that load() has few events to apply.
async function keepSnapshot(client, decider, stream, decided, version) {
	const every = BigInt(decider.snapshotEvery);

	if (BigInt(decided.version) / every === BigInt(version) / every) return;
	await client.query(
		`SELECT event_store.save_snapshot($1, $2, $3, state_version => $4)`,
		[stream, version, JSON.stringify(decided.events.reduce(decider.apply, decided.state)), decider.stateVersion],
	);
}

async function main(clients, deposits) {
	const stream = `account-${randomUUID()}`;
	const pool = new pg.Pool({ max: clients });
	const count = {};
	const run = async (command) => execute(pool, account, stream, command, count);

	await Promise.all(Array.from({ length: clients }, async () => {
		for (let i = 0; i < deposits; i++) await run({ type: 'Deposit', amount: 5 });
	}));
	await run({ type: 'Close' });
	const refused = await run({ type: 'Deposit', amount: 5 }).then(() => 'accepted', (error) => error.message);
	const { state, version } = await load(pool, account, stream);

	console.log(JSON.stringify({ stream, state, version, refused, conflicts: count.ST001 ?? 0, repeated: (count['40001'] ?? 0) + (count['40P01'] ?? 0) }));
	await pool.end();
}

if (process.argv[1] === import.meta.filename) {
	await main(Number(process.argv[2] ?? 4), Number(process.argv[3] ?? 25));
}

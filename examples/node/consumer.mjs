// A consumer of a subscription: poll, handle, acknowledge.
//
//	node consumer.mjs SUBSCRIPTION CONSUMER [exactly-once|at-least-once [LEASE [INTERVAL]]]
//
// At least once, it prints a line for each event.  Exactly once, it inserts a row
// into the table handled (subscription, stream, version, consumer).  An event whose
// data is {"fail": 2} fails twice; with {"away": 1795910400} what it is for is away until
// that moment.  LEASE and INTERVAL are in seconds.  SIGTERM ends it.  The database is
// found by PGHOST, PGDATABASE and so on.

import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

// Says that an event cannot be handled: it is the event's fault.
export class Rejected extends Error {}

const defaults = {
	exactlyOnce: false,
	maxCount: 100,
	// Seconds.  One event must be handled in less than two thirds of it.
	lease: 30,
	// Seconds between polls when there is nothing to do.  A notification ends the
	// wait; but without a worker nobody notifies, and nobody says when it is time for
	// another attempt.
	interval: 1,
	log: console.error,
};

// Calls handle(event, client) with the events of a subscription until signal, an
// AbortSignal, is aborted.  Each consumer that runs at the same time needs a name of
// its own.
//
// At least once: an event whose consumer dies before the acknowledgement comes
// again.  Exactly once: what handle() does by the client that it is given is in one
// transaction with the acknowledgement; whatever else it does is not.
//
// An event that handle() throws Rejected for holds up its stream only.  It is tried
// again some times, and then parked.  Any other error says that the time is not good:
// the server is away that a mail is sent by, or two transactions were in each other's
// way.  Then all that is left is given back, and tried again after a while.
export async function consume(config, subscription, consumer, handle, { signal = new AbortController().signal, ...options } = {}) {
	const settings = { ...defaults, ...options, signal, subscription, consumer, handle };
	let delay = 0.1;
	let bell = new AbortController();
	const ring = () => bell.abort();
	const rest = (seconds) => sleep(seconds * 1000, undefined, { signal: bell.signal }).catch(() => {});
	// Waits longer from time to time, and not for notifications.
	const back = async () => {
		await sleep(delay * 1000, undefined, { signal }).catch(() => {});
		delay = Math.min(2 * delay, 30);
	};

	signal.addEventListener('abort', ring);
	while (!signal.aborted) {
		let lost = null;
		// Notifications come on a connection of its own: they do not come in a
		// transaction, and a pooler would not pass them on.
		const [client, listener] = [0, 1].map(() => new pg.Client({ application_name: consumer, connectionTimeoutMillis: 10_000, keepAlive: true, ...config }));

		for (const connection of [client, listener]) {
			connection.on('error', (error) => {
				lost = error;
				ring();
			});
		}
		listener.on('notification', ring);
		try {
			await Promise.all([client.connect(), listener.connect()]);
			await listener.query('LISTEN event_store');
			while (!signal.aborted) {
				if (lost) throw lost;
				bell = new AbortController();
				const { anyCame, trouble } = await handleBatch(client, settings);

				if (trouble) {
					settings.log(`${consumer}: ${trouble.message ?? trouble}; trying again in ${delay} s`);
					await back();
					continue;
				}
				if (!anyCame) await rest(settings.interval);
				delay = 0.1;
			}
		} catch (error) {
			if (!isLost(error)) throw error;
			settings.log(`${consumer}: ${error.message}; connecting again in ${delay} s`);
			await back();
		} finally {
			await Promise.allSettled([client.end(), listener.end()]);
		}
	}
	signal.removeEventListener('abort', ring);
}

// Whether an error is one of the connection, or of a server that is shut down, not
// up again or full.
function isLost(error) {
	return !(error instanceof pg.DatabaseError) || /^(08|53|57P)/.test(error.code);
}

// Polls and handles what comes; returns whether anything did, and what was in its way.
//
// What is not acknowledged in the end comes with the next poll.  So a batch ends
// early at an event that failed, whose stream is then left out of the next, and when
// it is time to renew the lease.
async function handleBatch(client, { subscription, consumer, handle, exactlyOnce, maxCount, lease, signal }) {
	const inTransaction = async (statement) => exactlyOnce && client.query(statement);
	const until = Date.now() + lease * 1000 / 3;
	let [token, handled, failed, trouble] = [];

	try {
		const { rows } = await client.query(
			`SELECT token, attempts, global_position, stream, version, type, data, metadata, recorded_at
			   FROM event_store.poll($1, $2, max_count => $3, lease => $4)`,
			[subscription, consumer, maxCount, `${lease} seconds`],
		);

		if (rows.length === 0) return { anyCame: false };
		token = rows[0].token;
		await inTransaction('BEGIN');
		for (const event of rows) {
			await inTransaction('SAVEPOINT event');
			try {
				await handle(event, client);
				await inTransaction('RELEASE event');
				handled = event;
			} catch (error) {
				await inTransaction('ROLLBACK TO event');
				if (error instanceof Rejected) failed = { ...event, reason: error.message };
				else trouble = error;
			}
			if (failed || trouble || signal.aborted || Date.now() > until) break;
		}
		if (handled) await client.query('SELECT event_store.ack($1, $2, $3)', [subscription, handled.token, handled.global_position]);
		if (failed) await client.query('SELECT event_store.nack($1, $2, $3, $4)', [subscription, failed.token, failed.global_position, failed.reason]);
		await inTransaction('COMMIT');
	} catch (error) {
		await inTransaction('ROLLBACK');
		// The lease was lost: another consumer has these events by now.
		if (error.code === 'ST006') return { anyCame: true };
		// Others are transactions that the server gave up.
		if (!['40001', '40P01'].includes(error.code)) throw error;
		trouble = error;
	}
	// To poll again without an answer would count against the events; and others need not
	// wait for the lease to run out.
	if (token && (trouble || signal.aborted)) await giveBack(client, subscription, token);
	return { anyCame: true, trouble };
}

// Gives back what is not acknowledged, unless the lease is lost.
async function giveBack(client, subscription, token) {
	try {
		await client.query('SELECT event_store.release($1, $2)', [subscription, token]);
	} catch (error) {
		if (error.code !== 'ST006') throw error;
	}
}

async function main(subscription, consumer, mode = 'at-least-once', lease = defaults.lease, interval = defaults.interval) {
	const stop = new AbortController();
	const fail = (event) => {
		if (event.data?.fail > event.attempts) throw new Rejected('told to fail');
		if (event.data?.away > Date.now() / 1000) throw new Error('told to be away');
	};
	const handlers = {
		'exactly-once': async (event, client) => {
			await client.query('INSERT INTO handled (subscription, stream, version, consumer) VALUES ($1, $2, $3, $4)', [subscription, event.stream, event.version, consumer]);
			fail(event);
		},
		'at-least-once': async (event) => {
			fail(event);
			console.log(`${event.stream} ${event.version}`);
		},
	};

	if (!handlers[mode]) throw new Error(`unknown mode "${mode}"`);
	for (const name of ['SIGTERM', 'SIGINT']) process.once(name, () => stop.abort());
	await consume({}, subscription, consumer, handlers[mode], { exactlyOnce: mode === 'exactly-once', lease: Number(lease), interval: Number(interval), signal: stop.signal });
}

if (process.argv[1] === import.meta.filename) {
	await main(...process.argv.slice(2));
}

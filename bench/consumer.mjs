// bench/consumer.mjs SUBSCRIPTION APPENDS PAUSE
//
// Appends events one by one, PAUSE milliseconds after the last one was consumed, and
// consumes them by another connection, which polls when NOTIFY tells it to.  Prints for
// each how many milliseconds after the append was sent its answer was there, and the
// event.

import pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';

const [subscription, appends, pause] = process.argv.slice(2);
const data = '{"sku": "SKU-1042", "quantity": 3, "price": "19.90", "customer": "C-20417", "warehouse": "north"}';
const appender = new pg.Client();
const consumer = new pg.Client();

const arrived = new Map(); // when, by global position
let tell = () => {};
let polling = false;
let again = false;

// Consumes all there is, and what comes meanwhile.
async function consume() {
	again = true;
	if (polling) return;
	polling = true;
	while (again) {
		again = false;
		const { rows } = await consumer.query({
			name: 'poll',
			text: 'SELECT * FROM event_store.poll($1, $2)',
			values: [subscription, 'consumer'],
		});
		const now = performance.now();

		for (const { global_position } of rows) {
			if (arrived.has(global_position)) throw new Error(`event ${global_position} came twice`);
			arrived.set(global_position, now);
		}
		tell();
		if (rows.length === 0) continue;
		again = true;
		await consumer.query({
			name: 'ack',
			text: 'SELECT event_store.ack($1, $2, $3)',
			values: [subscription, rows[0].token, rows[rows.length - 1].global_position],
		});
	}
	polling = false;
}

// Waits for an event, which nothing but a notification can have brought.
async function arrival(position) {
	const deadline = setTimeout(() => {
		throw new Error(`event ${position} did not come`);
	}, 10_000);

	while (!arrived.has(position)) await new Promise((resolve) => { tell = resolve; });
	clearTimeout(deadline);
	return arrived.get(position);
}

await Promise.all([appender.connect(), consumer.connect()]);
consumer.on('notification', consume);
await consumer.query('LISTEN event_store');
await consume();
if (arrived.size > 0) throw new Error('the subscription was not at its end');

for (let i = 0; i < Number(appends); i++) {
	await sleep(Number(pause));
	const sent = performance.now();
	const { rows } = await appender.query({
		name: 'append',
		text: "SELECT global_position FROM event_store.append('bench-1', 'ItemAdded', $1)",
		values: [data],
	});
	const answered = performance.now();

	console.log(answered - sent, (await arrival(rows[0].global_position)) - sent);
}
while (polling) await sleep(1);
if (arrived.size !== Number(appends)) throw new Error(`${arrived.size} events came`);
await Promise.all([appender.end(), consumer.end()]);

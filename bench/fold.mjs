// bench/fold.mjs STREAM TIMES
//
// Fetches a product's events and folds them, so many times; prints the seconds.

import pg from 'pg';

const [stream, times] = process.argv.slice(2);
const client = new pg.Client();
await client.connect();

async function fold() {
	const { rows } = await client.query({
		name: 'fold',
		text: 'SELECT version, type, data FROM event_store.read_stream($1)',
		values: [stream],
	});
	let onHand = 0;

	for (const { type, data } of rows) {
		if (type === 'ProductReceived') onHand += data.quantity;
		else if (type === 'ProductShipped') onHand -= data.quantity;
		else onHand = data.quantity;
	}
	return onHand;
}

const began = process.hrtime.bigint();
for (let i = 0; i < Number(times); i++) await fold();
console.log(Number(process.hrtime.bigint() - began) / 1e9);
await client.end();

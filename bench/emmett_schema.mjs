// Prints what Emmett makes its tables and functions with, for psql.

import { schemaSQL } from '@event-driven-io/emmett-postgresql';

process.stdout.write(schemaSQL.join(''));

import { afterAll, beforeAll } from '@jest/globals';
import { ServerDatabase } from '#adapters/postgres/server-database';
import { startPostgres, type PostgresServer } from '#testing/postgres';
import { projectionLaws } from './projection.laws.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => server.stop());

projectionLaws('Postgres', async () => new ServerDatabase(await server.createDatabase()));

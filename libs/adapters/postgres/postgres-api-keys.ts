import { InfrastructureError } from '#application/errors';
import { ApiKeys, roles, type ApiKey } from '#application/ports/api-keys';
import { instantOf, type Instant } from '#domain/time';
import type { Database } from './database.js';
import { fromLine, toLine } from './lines.js';
import type { Schema } from './migrate.js';

export const accessSchema: Schema = {
  name: 'tidegate_access',
  scripts: [
    `
    create table api_keys (
      id         text   primary key,
      account    text   not null,
      role       text   not null,
      name       text   not null,
      hash       text   not null,
      created_at bigint not null,
      expires_at bigint,
      revoked_at bigint
    );
    create index on api_keys (account, created_at);
    `,
  ],
};

interface StoredKey {
  readonly id: string;
  readonly account: string;
  readonly role: string;
  readonly name: string;
  readonly hash: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
}

const keyOf = (row: StoredKey): ApiKey => {
  const role = roles.find((known) => known === row.role);
  if (role === undefined) throw new InfrastructureError('store-corrupt', `The key ${row.id} has an unknown role.`);
  return {
    id: row.id,
    account: fromLine(row.account),
    role,
    name: fromLine(row.name),
    hash: row.hash,
    createdAt: instantOf(row.created_at),
    expiresAt: row.expires_at === null ? undefined : instantOf(row.expires_at),
    revokedAt: row.revoked_at === null ? undefined : instantOf(row.revoked_at),
  };
};

/** The keys to the HTTP API, in the database of the read models. */
export class PostgresApiKeys extends ApiKeys {
  constructor(private readonly database: Database) {
    super();
  }

  async find(id: string): Promise<ApiKey | undefined> {
    const [row] = await this.database.query<StoredKey>('select * from tidegate_access.api_keys where id = $1', [id]);
    return row && keyOf(row);
  }

  async areUsed(): Promise<boolean> {
    return (await this.database.query('select 1 from tidegate_access.api_keys limit 1')).length > 0;
  }

  async add(key: ApiKey): Promise<void> {
    await this.database.query(`insert into tidegate_access.api_keys values ($1, $2, $3, $4, $5, $6, $7)`, [
      key.id,
      toLine(key.account),
      key.role,
      toLine(key.name),
      key.hash,
      key.createdAt,
      key.expiresAt ?? null,
    ]);
  }

  async list(account?: string): Promise<readonly ApiKey[]> {
    const rows = await this.database.query<StoredKey>(
      `select * from tidegate_access.api_keys where $1::text is null or account = $1 order by created_at, id`,
      [account === undefined ? null : toLine(account)],
    );
    return rows.map(keyOf);
  }

  async revoke(id: string, at: Instant): Promise<boolean> {
    const rows = await this.database.query(
      `update tidegate_access.api_keys set revoked_at = coalesce(revoked_at, $2) where id = $1 returning 1`,
      [id, at],
    );
    return rows.length > 0;
  }
}

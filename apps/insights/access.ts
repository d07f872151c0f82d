import {
  applyDecorators,
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Injectable,
  SetMetadata,
  UnauthorizedException,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { LRUCache } from 'lru-cache';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { mayActAs, opens, readToken } from '#application/api-keys';
import { ApiKeys, type ApiKey, type Role } from '#application/ports/api-keys';
import { Clock } from '#application/ports/clock';
import { Problems } from '#platform/answers';
import type { ApiKeyMode } from '#platform/environment';

const ROLE = 'tidegate:role';
/** So long a revoked key may still open, and so long a first key may go unnoticed. */
const REMEMBERED_MS = 5_000;

/** Which role a key must have to ask so; on a controller for all of it. */
export const Needs = (role: Role): ClassDecorator & MethodDecorator =>
  applyDecorators(
    SetMetadata(ROLE, role),
    Problems({
      401: 'The request needs a key that is in force',
      403: `The key is of another account, or not of a role from ${role} on`,
    }),
  );

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1|\[::1\])$/i;

/** Whether keys are asked for (ADR 21). */
export class AccessPolicy {
  constructor(
    private readonly mode: ApiKeyMode,
    private readonly host: string,
  ) {}

  async isAsked(areUsed: () => Promise<boolean>): Promise<boolean> {
    if (this.mode !== 'auto') return this.mode === 'required';
    return !LOOPBACK.test(this.host) || (await areUsed());
  }
}

interface Request extends IncomingMessage {
  readonly path: string;
  readonly params: { readonly [name: string]: string | undefined };
  readonly body?: unknown;
}

/** Lets a request through that carries a key of the account and of a sufficient role. */
@Injectable()
export class AccessGuard implements CanActivate {
  readonly #keys = new LRUCache<string, { readonly key: ApiKey | undefined }>({ max: 10_000, ttl: REMEMBERED_MS });
  #used: { readonly areUsed: boolean; readonly until: number } | undefined;

  constructor(
    private readonly keys: ApiKeys,
    private readonly policy: AccessPolicy,
    private readonly clock: Clock,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request>();
    // Health, metrics and the description show nothing of an account.
    if (!request.path.startsWith('/v1/')) return true;
    if (!(await this.policy.isAsked(() => this.#areUsed()))) return true;
    const key = await this.#keyOf(request);
    if (key === undefined) {
      context.switchToHttp().getResponse<ServerResponse>().setHeader('WWW-Authenticate', 'Bearer realm="tidegate"');
      throw new UnauthorizedException(
        'Send a key that is in force: Authorization: Bearer tg_…. An operator makes one by tidegate keys create.',
      );
    }
    const needed = this.reflector.getAllAndOverride<Role | undefined>(ROLE, [context.getHandler(), context.getClass()]);
    if (!mayActAs(key.role, needed ?? 'operator')) {
      throw new ForbiddenException(`The key is of a ${key.role}; this needs one of role ${needed ?? 'operator'}.`);
    }
    // The same answer whether there is such an account or not.
    if (!accountsOf(request).every((account) => account === key.account)) {
      throw new ForbiddenException('The key is of another account.');
    }
    return true;
  }

  async #areUsed(): Promise<boolean> {
    const now = performance.now();
    if (this.#used === undefined || now > this.#used.until) {
      this.#used = { areUsed: await this.keys.areUsed(), until: now + REMEMBERED_MS };
    }
    return this.#used.areUsed;
  }

  async #keyOf({ headers }: Request): Promise<ApiKey | undefined> {
    const [, token = ''] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
    const read = readToken(token);
    if (read === undefined) return undefined;
    let found = this.#keys.get(read.id);
    if (found === undefined) {
      found = { key: await this.keys.find(read.id) };
      this.#keys.set(read.id, found);
    }
    return found.key !== undefined && opens(found.key, read.secret, this.clock.now()) ? found.key : undefined;
  }
}

/** Whom the request is about: the account of its path, or all that its body names, by itself or in a batch. */
const accountsOf = ({ params, body }: Request): readonly unknown[] => {
  if (params['account'] !== undefined) return [params['account']];
  if (typeof body !== 'object' || body === null) return [];
  // What is malformed is refused later, for what is wrong with it.
  return [body, ...Object.values(body).flatMap((value: unknown) => (Array.isArray(value) ? value : []))].flatMap(
    (part: unknown) => (typeof part === 'object' && part !== null && 'account' in part ? [part.account] : []),
  );
};

// The other baseline: the same decision the way that framework tutorials have it. Nest's Kafka transport brings one
// message at a time, a DTO is validated by class-validator, the customer's stream is read and folded, the decision
// appended, decision and command published, and only then comes the next message. Rules, events and contracts are the
// gate's own. Run as a process of its own by kafka.bench.ts: node stock-way.js BROKER FROM TO DATABASE IDENTITY_KEY

import { Controller, Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload, Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { CustomerIdentity } from '#application/customer-identity';
import { customerEventId } from '#application/event-ids';
import { accountStream, customerStream } from '#application/streams';
import { aliasesOf } from '#contracts/inbound/customer';
import { SendDto, toSendIntent } from '#contracts/inbound/send-intents';
import { sendCommandMessage } from '#contracts/outbound/send-commands';
import { decisionOf, sendDecisionMessage } from '#contracts/outbound/send-decisions';
import { evolveAccount, initialAccount, type AccountEvent } from '#domain/account';
import { decide } from '#domain/gate/decide';
import type { CustomerEvent } from '#domain/gate/events';
import { evolve } from '#domain/gate/evolve';
import { initialCustomer } from '#domain/gate/state';
import { SystemClock } from '#platform/clock';
import { ACCOUNT } from './load.js';

const [broker = '', from = '', to = '', databaseUrl = '', key = ''] = process.argv.slice(2);
const clock = new SystemClock();
const store = new PostgresEventStore(await openDatabase(databaseUrl), clock);
const identity = new CustomerIdentity(Buffer.from(key, 'hex'));
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
const producer = kafka.producer({
  idempotent: true,
  maxInFlightRequests: 1,
  createPartitioner: Partitioners.DefaultPartitioner,
});
await producer.connect();

const [registered = []] = await store.readStreams([{ stream: accountStream(ACCOUNT), fromRevision: 0 }]);
const account = registered.reduce(
  (state, { event, revision }) => ({ ...evolveAccount(state, event as AccountEvent), revision }),
  initialAccount(ACCOUNT),
);

@Controller()
class StockController {
  constructor(@Inject(PostgresEventStore) private readonly events: PostgresEventStore) {}

  @EventPattern(from)
  async decide(@Payload('data') data: object): Promise<void> {
    const dto = plainToInstance(SendDto, data);
    if ((await validate(dto)).length > 0) throw new Error('The bench sends valid intents only.');
    const { intent, personal } = toSendIntent(dto);
    const customer = identity.customerOf(dto.account, aliasesOf(dto.customer));
    const stream = customerStream(dto.account, customer);
    const [recorded = []] = await this.events.readStreams([{ stream, fromRevision: 0 }]);
    const revision = recorded.length - 1;
    const event = decide(intent, personal, {
      now: clock.now(),
      customer: recorded.reduce((state, { event }) => evolve(state, event as CustomerEvent), initialCustomer),
      customerRevision: revision,
      account,
      template: () => undefined,
      activeUsers: { users: 0 },
    });
    const id = customerEventId(stream, event);
    const metadata = { correlationId: intent.intentId, causationId: intent.intentId };
    await this.events.append([{ stream, expectedRevision: revision, events: [{ id, event, metadata }] }]);
    const attributes = { id, source: '/bench', at: event.at };
    const messages = [sendDecisionMessage(decisionOf(ACCOUNT, customer, event, revision + 1), attributes)];
    if (event.type === 'SendAuthorised') {
      const { ordinal, validUntil } = event;
      const { intentId, sender } = intent;
      const command = { account: ACCOUNT, customer, intentId, ordinal, sender, validUntil, revision: revision + 1 };
      messages.push(sendCommandMessage(command, attributes));
    }
    for (const { key, value, headers } of messages)
      await producer.send({ topic: to, acks: -1, messages: [{ key, value, headers: { ...headers } }] });
  }
}

@Module({ controllers: [StockController], providers: [{ provide: PostgresEventStore, useValue: store }] })
class StockModule {}

const app = await NestFactory.createMicroservice<MicroserviceOptions>(StockModule, {
  transport: Transport.KAFKA,
  options: {
    client: { brokers: [broker], logLevel: logLevel.ERROR },
    consumer: { groupId: 'stock-way' },
    subscribe: { fromBeginning: true },
  },
  logger: ['error'],
});
await app.listen();

import { Controller, Get, Header, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from './api-description.js';
import type { ServerResponse } from 'node:http';
import { LiveView, ReadyView, StalledView } from '#contracts/http/views';
import { Answers } from './answers.js';
import { Probes } from './probes.js';

const parts = { eventStore: 'ok', queue: 'ok', database: 'ok' };

@ApiTags('operation')
@Controller()
export class ProbesController {
  constructor(private readonly probes: Probes) {}

  @Get('health/live')
  @ApiOperation({ summary: 'Whether the process works: every loop of it progresses' })
  @Answers(200, LiveView, 'It does', { status: 'ok' })
  @Answers(503, StalledView, 'Some loops hang: start the process again', { status: 'stalled', stalled: ['releaser'] })
  live(@Res() response: ServerResponse): void {
    const stalled = this.probes.stalled();
    if (stalled.length === 0) answer(response, 200, { status: 'ok' } satisfies LiveView);
    else answer(response, 503, { status: 'stalled', stalled } satisfies StalledView);
  }

  @Get('health/ready')
  @ApiOperation({ summary: 'Whether every engine answers' })
  @Answers(200, ReadyView, 'Each part is `ok`', { status: 'ok', parts })
  @Answers(503, ReadyView, 'Some part is not; it says why', {
    status: 'unavailable',
    parts: { ...parts, queue: 'The broker does not answer.' },
  })
  async ready(@Res() response: ServerResponse): Promise<void> {
    const states = await this.probes.ready();
    const isReady = Object.values(states).every((state) => state === 'ok');
    const view: ReadyView = { status: isReady ? 'ok' : 'unavailable', parts: states };
    answer(response, isReady ? 200 : 503, view);
  }

  @Get('metrics')
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiOperation({ summary: 'Metrics for Prometheus' })
  @ApiOkResponse({
    description: 'All metrics; docs/reference/metrics.md lists them',
    content: { 'text/plain': { schema: { type: 'string' } } },
  })
  metrics(): Promise<string> {
    return this.probes.telemetryText();
  }
}

const answer = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
};

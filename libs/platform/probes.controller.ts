import { Controller, Get, Header, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { ServerResponse } from 'node:http';
import { Probes } from './probes.js';

@ApiTags('operation')
@Controller()
export class ProbesController {
  constructor(private readonly probes: Probes) {}

  @Get('health/live')
  @ApiOperation({ summary: 'Whether the process works: every loop of it progresses' })
  @ApiOkResponse({ description: 'It does' })
  @ApiServiceUnavailableResponse({ description: '`stalled` names the loops that hang: start the process again' })
  live(@Res() response: ServerResponse): void {
    const stalled = this.probes.stalled();
    if (stalled.length === 0) answer(response, 200, { status: 'ok' });
    else answer(response, 503, { status: 'stalled', stalled });
  }

  @Get('health/ready')
  @ApiOperation({ summary: 'Whether every engine answers' })
  @ApiOkResponse({ description: 'Each part is `ok`' })
  @ApiServiceUnavailableResponse({ description: 'Some part is not; it says why' })
  async ready(@Res() response: ServerResponse): Promise<void> {
    const parts = await this.probes.ready();
    const isReady = Object.values(parts).every((state) => state === 'ok');
    answer(response, isReady ? 200 : 503, { status: isReady ? 'ok' : 'unavailable', parts });
  }

  @Get('metrics')
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiOperation({ summary: 'Metrics for Prometheus' })
  metrics(): Promise<string> {
    return this.probes.telemetryText();
  }
}

const answer = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
};

import { Controller, Get, Header, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { ServerResponse } from 'node:http';
import { Probes } from './probes.js';

@ApiTags('operation')
@Controller()
export class ProbesController {
  constructor(private readonly probes: Probes) {}

  @Get('health/live')
  @ApiOperation({ summary: 'Whether the process answers at all' })
  live(): { readonly status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('health/ready')
  @ApiOperation({ summary: 'Whether every part works' })
  @ApiOkResponse({ description: 'Each part is `ok`' })
  @ApiServiceUnavailableResponse({ description: 'Some part is not; it says why' })
  async ready(@Res() response: ServerResponse): Promise<void> {
    const parts = await this.probes.ready();
    const isReady = Object.values(parts).every((state) => state === 'ok');
    response
      .writeHead(isReady ? 200 : 503, { 'Content-Type': 'application/json' })
      .end(JSON.stringify({ status: isReady ? 'ok' : 'unavailable', parts }));
  }

  @Get('metrics')
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiOperation({ summary: 'Metrics for Prometheus' })
  metrics(): Promise<string> {
    return this.probes.telemetryText();
  }
}

import { Controller, Get } from '@nestjs/common';

@Controller('health')
export class HealthController {
  /** Whether the process answers at all. */
  @Get('live')
  live(): { readonly status: 'ok' } {
    return { status: 'ok' };
  }
}

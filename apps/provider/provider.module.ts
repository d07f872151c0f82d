import { Module, type DynamicModule } from '@nestjs/common';
import { enginesAsProviders, type Engines } from '#apps/composition/engines';
import { RecordReports } from '#application/record-reports';
import { SettleOutcomes } from '#application/settle-outcomes';
import { SendMessages } from '#application/send-messages';
import { ProviderController } from './provider.controller.js';

export interface ProviderUseCases {
  readonly messages: SendMessages;
  readonly reports: RecordReports;
  readonly settlements: SettleOutcomes;
}

@Module({})
export class ProviderModule {
  static on(engines: Engines, { messages, reports, settlements }: ProviderUseCases): DynamicModule {
    return {
      module: ProviderModule,
      controllers: [ProviderController],
      providers: [
        ...enginesAsProviders(engines),
        { provide: SendMessages, useValue: messages },
        { provide: RecordReports, useValue: reports },
        { provide: SettleOutcomes, useValue: settlements },
      ],
    };
  }
}

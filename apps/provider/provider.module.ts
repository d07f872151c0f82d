import { Module, type DynamicModule } from '@nestjs/common';
import { enginesAsProviders, type Engines } from '#apps/composition/engines';
import { SendMessages } from '#application/send-messages';
import { ProviderController } from './provider.controller.js';

@Module({})
export class ProviderModule {
  static on(engines: Engines, messages: SendMessages): DynamicModule {
    return {
      module: ProviderModule,
      controllers: [ProviderController],
      providers: [...enginesAsProviders(engines), { provide: SendMessages, useValue: messages }],
    };
  }
}

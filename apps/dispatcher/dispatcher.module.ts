import { Module, type DynamicModule } from '@nestjs/common';
import { enginesAsProviders, type Engines } from '#apps/composition/engines';
import { DecideIntents } from '#application/decide-intents';
import { DispatcherController } from './dispatcher.controller.js';

@Module({})
export class DispatcherModule {
  static on(engines: Engines, decideIntents: DecideIntents): DynamicModule {
    return {
      module: DispatcherModule,
      controllers: [DispatcherController],
      providers: [...enginesAsProviders(engines), { provide: DecideIntents, useValue: decideIntents }],
    };
  }
}

import { Module, type DynamicModule } from '@nestjs/common';
import { enginesAsProviders, type Engines } from '#apps/composition/engines';
import { Customers } from '#application/customers';
import type { Directory } from '#application/directory';
import { RecordChanges } from '#application/record-changes';
import { RecordFacts } from '#application/record-facts';
import { RecorderController } from './recorder.controller.js';

@Module({})
export class RecorderModule {
  static on(engines: Engines, directory: Directory): DynamicModule {
    const { store, readModel, telemetry } = engines;
    const customers = new Customers(store, readModel, (streams) => telemetry.conflicted(streams));
    return {
      module: RecorderModule,
      controllers: [RecorderController],
      providers: [
        ...enginesAsProviders(engines),
        { provide: RecordFacts, useValue: new RecordFacts(customers, directory, readModel) },
        { provide: RecordChanges, useValue: new RecordChanges(store) },
      ],
    };
  }
}

import { Module, type DynamicModule } from '@nestjs/common';
import { enginesAsProviders, type Engines } from '#apps/composition/engines';
import type { Gate } from '#apps/composition/gate';
import { LinkCustomers } from '#application/link-customers';
import { RecordChanges } from '#application/record-changes';
import { RecordFacts } from '#application/record-facts';
import { RecorderController } from './recorder.controller.js';

@Module({})
export class RecorderModule {
  static on(engines: Engines, { customers, directory }: Pick<Gate, 'customers' | 'directory'>): DynamicModule {
    const { store, readModel } = engines;
    return {
      module: RecorderModule,
      controllers: [RecorderController],
      providers: [
        ...enginesAsProviders(engines),
        { provide: RecordFacts, useValue: new RecordFacts(customers, directory, readModel) },
        { provide: LinkCustomers, useValue: new LinkCustomers(customers, directory) },
        { provide: RecordChanges, useValue: new RecordChanges(store) },
      ],
    };
  }
}

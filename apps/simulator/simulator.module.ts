import { Module, type DynamicModule } from '@nestjs/common';
import { ControlController } from './control.controller.js';
import { MetaController } from './meta.controller.js';
import { SinchController } from './sinch.controller.js';
import { Simulator } from './simulator.js';

@Module({})
export class SimulatorModule {
  static of(simulator: Simulator): DynamicModule {
    return {
      module: SimulatorModule,
      // The last one's path takes any version of Meta's.
      controllers: [ControlController, SinchController, MetaController],
      providers: [{ provide: Simulator, useValue: simulator }],
    };
  }
}

import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { SimulatorOptions } from './options.js';
import { Simulator } from './simulator.js';
import { SimulatorModule } from './simulator.module.js';

export interface RunningSimulator {
  readonly url: string;
  readonly simulator: Simulator;
  stop(): Promise<void>;
}

/** @param port 0 takes any free one */
export const startSimulator = async (options: SimulatorOptions, port: number): Promise<RunningSimulator> => {
  const simulator = new Simulator(options);
  const app = await NestFactory.create(SimulatorModule.of(simulator), { logger: ['error', 'warn'] });
  await app.listen(port, '127.0.0.1');
  simulator.start();
  return {
    url: (await app.getUrl()).replace('[::1]', '127.0.0.1'),
    simulator,
    stop: async () => {
      await simulator.stop();
      await app.close();
    },
  };
};

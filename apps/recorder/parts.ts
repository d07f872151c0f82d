import type { Process } from '#apps/composition/process';
import { microservicePart } from '#apps/composition/parts';
import type { Part } from '#platform/lifecycle';
import { RecorderModule } from './recorder.module.js';

/** Takes facts in. */
export const recorderParts = ({ engines, gate, logger }: Pick<Process, 'engines' | 'gate' | 'logger'>): Part[] => [
  gate.part,
  microservicePart('tidegate-recorder', RecorderModule.on(engines, gate), engines, logger),
];

import type { Process } from '#apps/composition/process';
import { followerPart, microservicePart } from '#apps/composition/parts';
import { Directory } from '#application/directory';
import type { Part } from '#platform/lifecycle';
import { RecorderModule } from './recorder.module.js';

/** Takes facts in. */
export const recorderParts = ({ engines, logger }: Pick<Process, 'engines' | 'logger'>): Part[] => {
  const directory = new Directory(engines.store, engines.readModel);
  return [
    followerPart('recorder directory', (signal, ready) => directory.follow(signal, ready)),
    microservicePart('tidegate-recorder', RecorderModule.on(engines, directory), engines, logger),
  ];
};

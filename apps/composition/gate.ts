import { Customers } from '#application/customers';
import { Directory } from '#application/directory';
import { Situations } from '#application/situations';
import type { Part } from '#platform/lifecycle';
import type { Engines } from './engines.js';
import { followerPart } from './parts.js';

/**
 * What all deciders of one process share: accounts and templates, which follow the log, and the cache of customers. So
 * none of them decides on what another of them has just made old.
 */
export class Gate {
  readonly directory: Directory;
  readonly customers: Customers;
  readonly situations: Situations;
  /** Follows the log; to start before the parts that decide. */
  readonly part: Part;

  constructor({ store, readModel, clock, telemetry }: Engines) {
    this.directory = new Directory(store, readModel);
    this.customers = new Customers(store, readModel, (streams) => telemetry.conflicted(streams));
    this.situations = new Situations(this.directory, readModel, clock);
    this.part = followerPart('directory', (signal, ready) => this.directory.follow(signal, ready));
  }
}
